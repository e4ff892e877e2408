import { Random } from '../random.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import type { CalendarOwner } from '../control/calendar-owner.ts';
import type { QuirkChanges } from '../faults/quirks.ts';
import { meeting, Visitor, type Body } from './visitor.ts';

const CALENDAR = 'quirky@group.calendar.google.com';
let sandbox: Sandbox;
let owner: CalendarOwner;
let visitor: Visitor;

async function open(seed: number): Promise<void> {
  sandbox = await startSandbox({ seed });
  const account = sandbox.google.createAccount({ email: 'ada@example.test' });
  owner = account.createCalendar({ id: CALENDAR });
  visitor = new Visitor(sandbox, account.accessToken());
}

afterEach(() => sandbox.close());

it('sends an empty page that is not the end', async () => {
  await open(1);
  owner.insertMany([meeting(0), meeting(1), meeting(2)]);
  sandbox.setQuirks({ emptyPagesAt: [1, 3] });
  const { pages, syncToken } = await visitor.round(CALENDAR, { maxResults: 2 });
  expect(pages.map((page) => page.items?.length)).toEqual([0, 2, 0, 1]);
  expect(syncToken).toBeDefined();
});

it('cuts pages short and repeats items of earlier pages', async () => {
  await open(2);
  const planted = owner.insertMany(Array.from({ length: 40 }, (_, hour) => meeting(hour)));
  sandbox.setQuirks({ shortPageRate: 1, repeatRate: 1 });
  const { pages, items } = await visitor.round(CALENDAR, { maxResults: 10 });
  expect(pages.length).toBeGreaterThan(4);
  expect(items.length).toBe(planted.length + pages.length - 1);
  expect(new Set(items.map(({ id }) => id))).toEqual(new Set(planted));
});

it('sends an exception before its series', async () => {
  await open(3);
  const { id } = owner.insert(meeting(0, { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] }));
  owner.patch(`${id}_20261103T080000Z`, { summary: 'exception' });
  sandbox.setQuirks({ order: 'reversed' });
  const { items } = await visitor.round(CALENDAR, { maxResults: 1 });
  expect(items.map((item) => item.id)).toEqual([`${id}_20261103T080000Z`, id]);
});

const regimes: QuirkChanges[] = [
  {},
  { changesJoinRounds: false },
  { order: 'reversed', pageSizeMax: 3 },
  {
    order: 'shuffled',
    emptyPageRate: 0.3,
    shortPageRate: 0.5,
    repeatRate: 0.5,
    cancelledInstances: 'mixed',
    deletedEvents: 'mixed',
    seriesDeleteFansOut: true,
  },
];

it.each(regimes.flatMap((quirks) => [11, 12, 13].map((seed) => [seed, quirks] as const)))(
  'a mirror of full round and deltas equals the truth, seed %i under %j',
  async (seed, quirks) => {
    await open(seed);
    sandbox.setQuirks(quirks);
    const random = new Random(seed);
    for (let i = 0; i < 30; i += 1) edit(random);
    const mirror = new Map<string, string>();
    let syncToken: string | undefined;
    for (let round = 0; round < 6; round += 1) {
      let edits = 8;
      const query = { maxResults: 5, ...(syncToken === undefined ? {} : { syncToken }) };
      const result = await visitor.round(CALENDAR, query, (page) => {
        apply(mirror, page);
        if (edits > 0 && round < 5) edit(random);
        edits -= 1;
      });
      syncToken = result.syncToken;
    }
    const truth = owner
      .truth()
      .events.map((event) => [event.id, event.status === 'cancelled' ? 'cancelled' : event.etag]);
    // An exception may come before its series, so orphans are kept; those whose series never came mean nothing.
    const kept = [...mirror].filter(([id]) => mirror.has(id.split('_')[0] ?? ''));
    expect(kept.sort()).toEqual(truth.sort());
  },
);

/** A mirror as the contract asks for: by id, last one wins; a dead series takes its exceptions along. */
function apply(mirror: Map<string, string>, page: Body): void {
  for (const item of page.items ?? []) {
    const isOccurrence = item.id.includes('_');
    if (item.status !== 'cancelled') mirror.set(item.id, item.etag ?? '');
    else if (isOccurrence) mirror.set(item.id, 'cancelled');
    else mirror.delete(item.id);
  }
  for (const id of [...mirror.keys()]) {
    const [seriesId = '', slot] = id.split('_');
    const isDead = (page.items ?? []).some((item) => item.id === seriesId && item.status === 'cancelled');
    if (slot !== undefined && isDead) mirror.delete(id);
  }
}

function edit(random: Random): void {
  const living = owner.truth().events.filter((event) => event.status !== 'cancelled');
  const roots = living.filter((event) => event.recurringEventId === undefined);
  const kind = random.between(0, 9);
  if (roots.length < 3 || kind < 3) {
    const recurrence = random.chance(0.4) ? { recurrence: ['RRULE:FREQ=DAILY;COUNT=6'] } : {};
    owner.insert(meeting(random.between(0, 500), recurrence));
    return;
  }
  const target = random.pick(living);
  if (kind < 6) {
    owner.patch(target.id, { summary: `edit ${random.between(0, 999)}` });
  } else if (kind < 8) {
    owner.delete(target.id);
  } else if (target.recurrence !== undefined && target.recurrence !== null) {
    const day = Date.parse(target.start?.dateTime ?? '') + 86_400_000 * random.between(0, 5);
    const slot = new Date(day).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const instance = `${target.id}_${slot}`;
    if (owner.get(instance)?.status === 'confirmed') {
      if (random.chance(0.5)) owner.delete(instance);
      else owner.patch(instance, { location: 'elsewhere' });
    }
  }
}
