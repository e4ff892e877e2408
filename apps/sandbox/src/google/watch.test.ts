import { startReceiver, type Receiver } from '../push/receiver.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { CalendarOwner } from '../control/calendar-owner.ts';
import { eventually, meeting, reasonOf, Visitor, type Answer } from './visitor.ts';

const CALENDAR = 'ada@example.test';
const WEEK_MS = 604_800_000;
let sandbox: Sandbox;
let owner: CalendarOwner;
let visitor: Visitor;
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
  sandbox = await startSandbox();
  sandbox.clock.freeze();
  const account = sandbox.google.createAccount({ email: CALENDAR });
  owner = account.createCalendar({ primary: true });
  visitor = new Visitor(sandbox, account.accessToken());
});

afterEach(async () => {
  await sandbox.close();
  await receiver.close();
});

const open = (more: Record<string, unknown> = {}): Promise<Answer> =>
  visitor.watch(CALENDAR, {
    id: 'channel-1',
    type: 'web_hook',
    address: receiver.url,
    token: 'secret',
    ...more,
  });

const states = (): unknown[] => receiver.received.map(({ headers }) => headers['x-goog-resource-state']);

describe('events.watch', () => {
  it('sends the sync message before it answers, with exactly the documented headers', async () => {
    const answer = await open();
    expect(receiver.received).toHaveLength(1);
    const expiresAtMs = sandbox.clock.now() + WEEK_MS;
    expect(answer.body).toMatchObject({
      kind: 'api#channel',
      id: 'channel-1',
      token: 'secret',
      expiration: String(expiresAtMs),
    });
    const [message] = receiver.received;
    expect(message).toMatchObject({ method: 'POST', path: '/hook', body: '' });
    const headers = Object.entries(message?.headers ?? {}).filter(([name]) => /^(x-goog|content)/.test(name));
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'application/json; utf-8',
      'content-length': '0',
      'x-goog-channel-id': 'channel-1',
      'x-goog-channel-token': 'secret',
      'x-goog-channel-expiration': new Date(expiresAtMs).toUTCString(),
      'x-goog-message-number': '1',
      'x-goog-resource-id': answer.body.resourceId,
      'x-goog-resource-state': 'sync',
      'x-goog-resource-uri': `${sandbox.googleRootUrl}calendar/v3/calendars/ada%40example.test/events?alt=json`,
    });
  });

  it('can send it after the answer', async () => {
    sandbox.setQuirks({ syncMessage: 'after' });
    await open();
    expect(receiver.received).toHaveLength(0);
    await eventually(() => receiver.received.length === 1);
    expect(states()).toEqual(['sync']);
  });

  it.each([
    [{ id: 'x'.repeat(65) }, 400, 'invalid'],
    [{ id: 'no spaces' }, 400, 'invalid'],
    [{ id: undefined }, 400, 'required'],
    [{ token: 'x'.repeat(257) }, 400, 'invalid'],
    [{ type: 'carrier_pigeon' }, 400, 'push.channelTypeNotSupported'],
    [{ address: 'http://hooks.example.test/' }, 400, 'push.webhookUrlNotHttps'],
    [{ address: 'ftp://127.0.0.1/' }, 400, 'push.webhookUrlNotHttps'],
    [{ expiration: 1_795_000_000 }, 400, 'invalid'],
    [{ expiration: 'soon' }, 400, 'badRequest'],
  ])('refuses %j', async (more, status, reason) => {
    const answer = await open(more);
    expect([answer.status, reasonOf(answer)]).toEqual([status, reason]);
    expect(receiver.received).toHaveLength(0);
  });

  it('refuses a used id, a calendar without push, and an unauthorised host', async () => {
    await open();
    expect(reasonOf(await open())).toBe('channelIdNotUnique');
    owner.change({ refusesPush: true });
    expect(reasonOf(await open({ id: 'channel-2' }))).toBe('pushNotSupportedForRequestedResource');
    sandbox.setQuirks({ unauthorizedHosts: ['127.0.0.1'] });
    const answer = await open({ id: 'channel-3' });
    expect([answer.status, reasonOf(answer)]).toEqual([401, 'push.webhookUrlUnauthorized']);
  });

  it('clamps the expiry, takes it as number, string or ttl, and gives one resource id per calendar', async () => {
    const now = sandbox.clock.now();
    const answers = [
      await open({ id: 'a', expiration: now + 30 * 86_400_000 }),
      await open({ id: 'b', expiration: String(now + 60_000) }),
      await open({ id: 'c', params: { ttl: '3600' } }),
    ];
    expect(answers.map(({ body }) => Number(body.expiration) - now)).toEqual([WEEK_MS, 60_000, 3_600_000]);
    expect(new Set(answers.map(({ body }) => body.resourceId)).size).toBe(1);
  });
});

describe('notifications', () => {
  it('tells each live channel about each change, with growing numbers', async () => {
    await open();
    await open({ id: 'channel-2' });
    owner.insert(meeting(0));
    await visitor.insert(CALENDAR, meeting(1));
    owner.insertMany([meeting(2), meeting(3)]);
    await sandbox.push.settled();
    for (const id of ['channel-1', 'channel-2']) {
      const numbers = sandbox.push
        .notifications()
        .filter(({ channelId }) => channelId === id)
        .map(({ number }) => number);
      expect(numbers).toHaveLength(4);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }
    expect(sandbox.push.tally()).toMatchObject({ sent: 8, delivered: 8, failed: 0 });
  });

  it.each([
    [[500, 503, 200], 'delivered', 3],
    [[502, 504, 502, 503, 500], 'failed', 5],
    [[404], 'failed', 1],
    [[429], 'failed', 1],
    [[301], 'failed', 1],
    [[204], 'delivered', 1],
  ] as const)('after answers %j it is %s with %i attempts', async (answers, status, attempts) => {
    await open();
    sandbox.setQuirks({ pushRetryBaseMs: 1 });
    receiver.answers.push(...answers);
    owner.insert(meeting(0));
    await sandbox.push.settled();
    expect(sandbox.push.notifications().at(-1)).toMatchObject({
      status,
      attempts,
      lastStatus: answers.at(-1),
    });
  });

  it('can drop, double and hold messages', async () => {
    await open();
    sandbox.setQuirks({ pushDropRate: 1 });
    owner.insert(meeting(0));
    sandbox.setQuirks({ pushDropRate: 0, pushDuplicateRate: 1 });
    owner.insert(meeting(1));
    await sandbox.push.settled();
    expect(states()).toEqual(['sync', 'exists', 'exists']);
    sandbox.setQuirks({ pushDuplicateRate: 0, pushHold: true });
    owner.insert(meeting(2));
    await sandbox.push.settled();
    expect(sandbox.push.notifications().at(-1)?.status).toBe('held');
    sandbox.push.release();
    await sandbox.push.settled();
    expect(states()).toHaveLength(4);
  });

  it('falls silent at expiry, and after a stop as late as told', async () => {
    await open({ expiration: sandbox.clock.now() + 60_000 });
    const { body } = await open({ id: 'channel-2' });
    sandbox.setQuirks({ deliverAfterStopMs: 120_000 });
    const stopped = await visitor.call('POST', 'channels/stop', {
      body: { id: 'channel-2', resourceId: body.resourceId },
    });
    expect(stopped.status).toBe(204);
    const deliveredTo = async (): Promise<string[]> => {
      const before = sandbox.push.notifications().length;
      owner.insert(meeting(0));
      await sandbox.push.settled();
      return sandbox.push
        .notifications()
        .slice(before)
        .map(({ channelId }) => channelId);
    };
    expect(await deliveredTo()).toEqual(['channel-1', 'channel-2']);
    sandbox.clock.advance(60_000);
    expect(await deliveredTo()).toEqual(['channel-2']);
    sandbox.clock.advance(60_000);
    expect(await deliveredTo()).toEqual([]);
  });

  it('goes on after the calendar was unshared', async () => {
    await open();
    owner.unshare();
    owner.insert(meeting(0));
    await sandbox.push.settled();
    expect(states()).toEqual(['sync', 'exists']);
  });
});

describe('channels.stop', () => {
  it('knows only the right id, resource and user, and only once', async () => {
    const { body } = await open();
    const right = { id: 'channel-1', resourceId: body.resourceId };
    const stop = async (payload: unknown, as = visitor): Promise<number> =>
      (await as.call('POST', 'channels/stop', { body: payload })).status;
    const stranger = sandbox.google.createAccount({ email: 'noor@example.test' });
    expect(await stop(right, new Visitor(sandbox, stranger.accessToken()))).toBe(404);
    expect(await stop({ ...right, resourceId: CALENDAR })).toBe(404);
    expect(await stop({ ...right, id: 'channel-9' })).toBe(404);
    expect(await stop({ id: 'channel-1' })).toBe(400);
    expect(await stop(right)).toBe(204);
    expect(await stop(right)).toBe(404);
  });
});
