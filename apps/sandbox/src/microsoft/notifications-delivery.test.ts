import { eventually } from '../google/visitor.ts';
import { slowDropProfiles } from './channel-quirks.ts';
import { change, newMailbox, startGraph, type GraphFixture } from './subscriptions.fixture.ts';

const HOUR_MS = 3_600_000;
let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
  fixture.owner.setQuirks({
    notificationsPerChangeMin: 1,
    notificationsPerChangeMax: 1,
    notificationRetryBaseMs: 1,
    notificationRetryPauseMaxMs: 2,
    tokenCoupling: false,
  });
  await ada.visitor.subscribe();
});

afterEach(() => fixture.close());

const settled = (): Promise<void> => fixture.owner.notifications.settled();
const tell = async (): Promise<void> => {
  change(fixture.graph, ada.mailbox);
  await settled();
};
const last = (): unknown => fixture.owner.notifications.list().at(-1);
const lifecycle = (): unknown[] => fixture.receiver.items('/lifecycle').map((item) => item.lifecycleEvent);

it.each([[200], [202], [204]])('takes %i for delivered', async (status) => {
  fixture.receiver.answers.push(status);
  await tell();
  expect(last()).toMatchObject({ status: 'delivered', attempts: 1, lastStatus: status });
});

it.each([
  [[500, 503, 202], 3],
  [[400, 401, 404, 429, 302, 202], 6],
])('tries again after %j', async (answers, attempts) => {
  fixture.receiver.answers.push(...answers);
  await tell();
  expect(last()).toMatchObject({ status: 'delivered', attempts, lastStatus: 202 });
  const counts = fixture.owner.notifications.tally();
  expect(counts).toMatchObject({ posts: attempts, retried: attempts - 1, acceptedItems: 1, failedItems: 0 });
  expect(counts.byStatus).toMatchObject({ 202: 1, [String(answers[0])]: 1 });
});

it('sends the same items again, as they were', async () => {
  fixture.receiver.answers.push(503);
  await tell();
  const [first, second] = fixture.receiver.posts;
  expect(second).toEqual(first);
});

it('gives up after four hours, and says afterwards that something was missed', async () => {
  fixture.owner.setQuirks({ notificationRetryBaseMs: 60_000, notificationRetryPauseMaxMs: 60_000 });
  fixture.receiver.answers.push(503, 503);
  change(fixture.graph, ada.mailbox);
  fixture.owner.notifications.release();
  await firstAttempt();
  fixture.clock.advance(4 * HOUR_MS);
  fixture.owner.notifications.release();
  await settled();
  expect(last()).toMatchObject({ status: 'failed', attempts: 2 });
  expect(fixture.owner.notifications.tally()).toMatchObject({ failedItems: 1, acceptedItems: 0 });
  expect(fixture.owner.subscriptions.report()).toMatchObject([{ missed: 1 }]);
  await tell();
  expect(lifecycle()).toEqual(['missed']);
  expect(fixture.owner.subscriptions.report()).toMatchObject([{ missed: 0 }]);
});

/** Until the answer is in and the next attempt waits. */
async function firstAttempt(): Promise<void> {
  await eventually(() => fixture.owner.notifications.list().at(-1)?.lastStatus !== null);
}

it('waits no longer than its patience, and counts it as slow', async () => {
  fixture.owner.setQuirks({ notificationTimeoutMs: 50 });
  fixture.receiver.delayMs = 300;
  change(fixture.graph, ada.mailbox);
  await firstAttempt();
  fixture.receiver.delayMs = 0;
  await settled();
  expect(last()).toMatchObject({ status: 'delivered', lastStatus: 202 });
  const { slowAnswers, byStatus } = fixture.owner.notifications.tally();
  expect(slowAnswers).toBeGreaterThan(0);
  expect(byStatus[0]).toBe(slowAnswers);
});

it('ends what is on its way when everything is forgotten', async () => {
  fixture.receiver.answers.push(503);
  fixture.receiver.delayMs = 50;
  change(fixture.graph, ada.mailbox);
  fixture.owner.notifications.release();
  await eventually(() => fixture.receiver.posts.length === 1);
  fixture.graph.clear();
  await settled();
  expect(fixture.receiver.posts).toHaveLength(1);
  expect(fixture.owner.notifications.tally()).toMatchObject({ items: 0, posts: 0, acceptedItems: 0 });
  expect(fixture.owner.subscriptions.report()).toEqual([]);
});

describe('hosts that answer too slowly', () => {
  const judged = { windowMs: 600_000, answersMin: 1, slowShare: 0.1, dropShare: 0.15, slowDelayMs: 600_000 };

  it('are told later', async () => {
    await tell();
    fixture.owner.setQuirks({ slowDrop: { ...judged, slowAnswerMs: 0, dropAnswerMs: 10_000 } });
    await tell();
    expect(last()).toMatchObject({ status: 'deferred' });
    fixture.clock.advance(600_000);
    fixture.owner.subscriptions.tick();
    await settled();
    expect(last()).toMatchObject({ status: 'delivered' });
  });

  it('are told nothing until the window is over, and then that they missed something', async () => {
    await tell();
    fixture.owner.setQuirks({ slowDrop: { ...judged, slowAnswerMs: 0, dropAnswerMs: 0 } });
    await tell();
    expect(last()).toMatchObject({ status: 'dropped' });
    expect(fixture.owner.notifications.tally()).toMatchObject({ dropped: 1 });
    fixture.clock.advance(600_000);
    fixture.owner.setQuirks({ slowDrop: null });
    await tell();
    expect(lifecycle()).toEqual(['missed']);
  });

  it.each(Object.entries(slowDropProfiles))(
    'pass by the profile of %s when they are quick',
    async (_, slowDrop) => {
      fixture.owner.setQuirks({ slowDrop });
      for (let i = 0; i < 3; i += 1) await tell();
      expect(fixture.owner.notifications.tally()).toMatchObject({ acceptedItems: 3, dropped: 0 });
    },
  );
});
