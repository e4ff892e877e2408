/** What Graph makes of a write that its client does not expect. */
import { Graph, meeting } from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

const guest = (address: string, response?: string) => ({
  type: 'required',
  emailAddress: { address, name: address },
  ...(response === undefined ? {} : { status: { response } }),
});

const TEXT = { prefer: 'outlook.body-content-type="text"' };

describe('guests', () => {
  it('keep their answers while they are on the list, whatever a client says of them', async () => {
    const { id } = graph.calendar.create(meeting(0, { attendees: [guest('eve@example.test', 'accepted')] }));
    const attendees = [guest('sam@example.test', 'accepted'), guest('EVE@example.test', 'declined')];
    const patched = await graph.event('PATCH', id, { body: { attendees } });
    expect(patched.body.attendees).toMatchObject([
      { status: { response: 'none' }, emailAddress: { address: 'sam@example.test' } },
      { status: { response: 'accepted' }, emailAddress: { address: 'EVE@example.test' } },
    ]);
    const emptied = await graph.event('PATCH', id, { body: { attendees: [] } });
    expect(emptied.body.attendees).toEqual([]);
    const back = await graph.event('PATCH', id, { body: { attendees: [guest('eve@example.test')] } });
    expect(back.body.attendees).toMatchObject([{ status: { response: 'none' } }]);
  });

  it('are shown in an order of the server, when the knob says so', async () => {
    graph.setQuirks({ attendeeOrder: 'by_address' });
    const attendees = [guest('sam@example.test'), guest('eve@example.test')];
    const made = await graph.create(meeting(0, { attendees }));
    expect(made.body.attendees).toMatchObject([
      { emailAddress: { address: 'eve@example.test' } },
      { emailAddress: { address: 'sam@example.test' } },
    ]);
  });
});

test('somebody else writes first: who wrote upon the old version is refused, in a batch too', async () => {
  const made = graph.calendar.create(meeting(0));
  graph.sandbox.faults.add({ operation: 'graph.event.update', count: 2, effect: { kind: 'overtaken' } });
  const ifMatch = String(made['@odata.etag']);
  const refused = await graph.event('PATCH', made.id, { body: { subject: 'x' }, ifMatch });
  expect(refused.status).toBe(412);
  const part = { id: '1', method: 'PATCH', url: `/me/events/${made.id}`, body: { subject: 'x' } };
  const headers = {
    'Content-Type': 'application/json',
    'If-Match': String(graph.calendar.get(made.id)?.['@odata.etag']),
  };
  const batch = await graph.call('POST', '$batch', { body: { requests: [{ ...part, headers }] } });
  expect(batch.body.responses).toMatchObject([{ status: 412 }]);
  expect(graph.calendar.get(made.id)?.['subject']).not.toBe('x');
});

describe('a text', () => {
  const body = { contentType: 'text', content: 'one  \ntwo\n\n' };

  it('is read as it was written, or as mail would have it', async () => {
    const { body: made } = await graph.create(meeting(0, { body }), TEXT);
    expect(made.body).toEqual(body);
    graph.setQuirks({ texts: 'rewritten' });
    const rewritten = await graph.event('GET', made.id ?? '', TEXT);
    expect(rewritten.body.body).toEqual({ contentType: 'text', content: 'one\r\ntwo\r\n' });
    const again = await graph.event('PATCH', made.id ?? '', { body: { body: rewritten.body.body }, ...TEXT });
    expect(again.body.body).toEqual(rewritten.body.body);
    const none = { contentType: 'text', content: '' };
    expect((await graph.event('PATCH', made.id ?? '', { body: { body: none }, ...TEXT })).body.body).toEqual(
      none,
    );
  });
});

describe('the text of an online meeting', () => {
  it('holds what people join it by, and without that it is online no more', async () => {
    const made = await graph.create(meeting(0, { isOnlineMeeting: true }));
    const { content } = made.body.body as { content: string };
    expect(content).toContain('Join the meeting now');
    const id = made.body.id ?? '';
    const kept = { contentType: 'html', content: `<p>bring biscuits</p>${content}` };
    const online = await graph.event('PATCH', id, { body: { body: kept, subject: 'x' } });
    expect(online.body).toMatchObject({
      isOnlineMeeting: true,
      onlineMeeting: { joinUrl: expect.any(String) as unknown },
    });
    const lost = { contentType: 'text', content: 'bring biscuits' };
    const offline = await graph.event('PATCH', id, { body: { body: lost } });
    expect(offline.body).toMatchObject({ isOnlineMeeting: false, onlineMeeting: null });
  });

  it('does not survive as text', async () => {
    const made = await graph.create(meeting(0, { isOnlineMeeting: true }), TEXT);
    const patched = await graph.event('PATCH', made.body.id ?? '', { body: { body: made.body.body } });
    expect(patched.body.onlineMeeting).toBeNull();
  });
});

it('carries a creation out that its client gave up on', async () => {
  graph.sandbox.faults.add({ operation: 'graph.event.create', effect: { kind: 'latency', ms: 100 } });
  const path = `${graph.sandbox.microsoftRootUrl}/me/events`;
  const given = fetch(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${graph.accessToken}` },
    body: JSON.stringify(meeting(0)),
    signal: AbortSignal.timeout(50),
  });
  await expect(given).rejects.toThrow();
  for (let looks = 0; graph.calendar.size === 0 && looks < 10_000; looks += 1)
    await graph.get('me/calendars');
  expect(graph.calendar.size).toBe(1);
});
