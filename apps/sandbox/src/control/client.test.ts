import { startReceiver } from '../push/receiver.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { askForToken, meeting, Visitor } from '../google/visitor.ts';
import { ControlClient } from './client.ts';

let sandbox: Sandbox;
let control: ControlClient;

beforeEach(async () => {
  sandbox = await startSandbox();
  control = new ControlClient(sandbox.url);
});

afterEach(() => sandbox.close());

it('plays the owner of a calendar from another process', async () => {
  const { refreshToken } = await control.createAccount({ email: 'ada@example.test' });
  expect((await askForToken(sandbox, { refresh_token: refreshToken })).status).toBe(200);
  const account = control.account('ada@example.test');
  const calendar = await account.createCalendar({
    id: 'team#1@group.calendar.google.com',
    timeZone: 'Asia/Tokyo',
  });
  const series = await calendar.insert(meeting(0, { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] }));
  const [single = ''] = await calendar.insertMany([meeting(1), meeting(2)]);
  await calendar.patch(single, { summary: 'renamed' });
  await calendar.delete(`${series.id}_20261103T080000Z`);
  expect((await calendar.get(single)).summary).toBe('renamed');
  const truth = await calendar.truth();
  expect(truth.events.map(({ status }) => status)).toEqual([
    'confirmed',
    'confirmed',
    'confirmed',
    'cancelled',
  ]);
  const visitor = new Visitor(sandbox, await account.accessToken());
  const { items, syncToken = '' } = await visitor.round(calendar.id);
  expect(items.map(({ id }) => id)).toEqual(truth.events.map(({ id }) => id));
  await calendar.expire('sync_tokens');
  expect((await visitor.list(calendar.id, { syncToken })).status).toBe(410);
  await calendar.change({ accessRole: 'reader' });
  expect((await visitor.insert(calendar.id, meeting(5))).status).toBe(403);
  await calendar.unshare();
  expect((await visitor.list(calendar.id)).status).toBe(404);
  await account.revoke();
  expect((await askForToken(sandbox, { refresh_token: refreshToken })).status).toBe(400);
});

it('moves time, plans faults, turns knobs, and reports', async () => {
  await control.createAccount({ email: 'ada@example.test' });
  const calendar = await control.account('ada@example.test').createCalendar({ primary: true });
  expect(await control.moveTime({ set: '2030-01-01T00:00:00Z', freeze: true })).toBe(
    '2030-01-01T00:00:00.000Z',
  );
  expect(await control.moveTime({ advanceMs: 1000 })).toBe('2030-01-01T00:00:01.000Z');
  await control.addFault({ operation: 'events.list', effect: { kind: 'status', status: 503 } });
  const visitor = new Visitor(sandbox, await control.account('ada@example.test').accessToken());
  expect((await visitor.list('primary')).status).toBe(503);
  expect((await control.faults())[0]).toMatchObject({ struck: 1, left: 0 });
  await control.clearFaults();
  expect((await visitor.list('primary')).status).toBe(200);
  expect(await control.usage('ada@example.test')).toMatchObject({
    requests: 2,
    byStatus: { 200: 1, 503: 1 },
  });
  expect(await control.setQuirks({ pushHold: true })).toMatchObject({ pushHold: true, pageSizeMax: 2500 });
  const receiver = await startReceiver();
  await visitor.watch('primary', {
    id: 'c1',
    type: 'web_hook',
    address: receiver.url,
    token: 'canary-token',
  });
  await calendar.insert(meeting(0));
  expect((await control.notifications()).notifications.at(-1)).toMatchObject({
    state: 'exists',
    status: 'held',
  });
  await control.releasePush();
  expect(await control.settlePush()).toMatchObject({ delivered: 2 });
  expect(JSON.stringify(await control.channels())).not.toContain('canary-token');
  await receiver.close();
  await control.reset();
  expect(await control.accounts()).toEqual([]);
});

it('seeds in bulk', async () => {
  await control.createAccount({ email: 'ada@example.test' });
  const calendar = await control.account('ada@example.test').createCalendar({ primary: true });
  const input = { account: 'ada@example.test', calendar: calendar.id, events: 500, seriesShare: 0.5 };
  expect(await control.seedMany(input)).toEqual({ events: 500 });
  const { events } = await calendar.truth();
  expect(events.filter((event) => event.recurrence).length).toBeGreaterThan(150);
});

it.each([
  ['POST', 'time', '{"advanceMs":"soon"}', 400],
  ['POST', 'faults', '{"effect":{"kind":"meteor"}}', 400],
  ['POST', 'quirks', '{"emptyPageRate":2}', 400],
  ['POST', 'quirks', '{"unknownKnob":1}', 400],
  ['POST', 'accounts', '{', 400],
  ['GET', 'accounts/nobody@example.test/calendars', '', 404],
  ['GET', '%E0%A4%A', '', 400],
  ['GET', 'nothing', '', 404],
  ['DELETE', 'faults/fault-9', '', 404],
])('%s /control/%s %s answers %s', async (method, path, body, status) => {
  const response = await fetch(`${sandbox.url}/control/${path}`, {
    method,
    ...(body === '' ? {} : { body }),
  });
  expect(response.status).toBe(status);
});
