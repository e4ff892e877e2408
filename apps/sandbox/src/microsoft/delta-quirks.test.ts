import { Graph, IMMUTABLE, meeting, typesOf, weekly, WINDOW, type Answer } from './graph.fixture.ts';
import type { MicrosoftQuirkChanges } from './quirks.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

const FIRST = `me/calendarView/delta?${WINDOW}`;
const sized = (size: number): { prefer: string } => ({ prefer: `${IMMUTABLE}, odata.maxpagesize=${size}` });
const plant = (count: number): string[] =>
  graph.calendar.createMany(Array.from({ length: count }, (_, hour) => meeting(hour)));
const lengths = (pages: Answer['body'][]): (number | undefined)[] => pages.map((page) => page.value?.length);

describe('pages', () => {
  it('hold ten items, or what is asked for, up to a limit', async () => {
    plant(25);
    expect(lengths((await graph.round()).pages)).toEqual([10, 10, 5]);
    graph.setQuirks({ deltaPageSizeMax: 20 });
    expect(lengths((await graph.round(FIRST, sized(1000))).pages)).toEqual([20, 5]);
  });

  it('are empty without being the end', async () => {
    plant(3);
    graph.setQuirks({ emptyPagesAt: [1, 3, 4] });
    const { pages, items } = await graph.round(FIRST, sized(2));
    expect(lengths(pages)).toEqual([0, 2, 0, 0, 1]);
    expect(items).toHaveLength(3);
  });

  it('are empty by chance, the same way for the same seed', async () => {
    const run = async (): Promise<(number | undefined)[]> => {
      const other = await Graph.open({ emptyPageRate: 0.5 }, 7);
      other.calendar.createMany(Array.from({ length: 8 }, (_, hour) => meeting(hour)));
      const { pages, items } = await other.round(FIRST, sized(1));
      await other.close();
      expect(items).toHaveLength(8);
      return lengths(pages);
    };
    const first = await run();
    expect(first.length).toBeGreaterThan(8);
    expect(await run()).toEqual(first);
  });

  it('are longer than asked for', async () => {
    plant(10);
    graph.setQuirks({ oversizedPageRate: 1 });
    expect(lengths((await graph.round(FIRST, sized(3))).pages)).toEqual([6, 4]);
  });

  it('repeat items of earlier ones', async () => {
    const ids = plant(20);
    graph.setQuirks({ duplicateItemRate: 1 });
    const { items, pages } = await graph.round(FIRST, sized(5));
    expect(items.length).toBe(20 + pages.length - 1);
    expect(new Set(items.map(({ id }) => id))).toEqual(new Set(ids));
  });

  it('repeat items of a delta, but none of other rounds', async () => {
    const ids = plant(20);
    const { deltaLink } = await graph.round(FIRST, sized(50));
    const changed = ids.slice(10);
    for (const id of changed) graph.calendar.patch(id, { subject: 'changed' });
    graph.setQuirks({ duplicateItemRate: 1 });
    const { items, pages } = await graph.round(deltaLink, sized(2));
    expect(items.length).toBe(10 + pages.length - 1);
    expect(new Set(items.map(({ id }) => id))).toEqual(new Set(changed));
  });
});

describe('a loop', () => {
  it('shows one page under ever new links, some times', async () => {
    plant(6);
    graph.setQuirks({ loopingNextLink: { times: 3, page: 2 } });
    const { pages } = await graph.round(FIRST, sized(2));
    expect(lengths(pages)).toEqual([2, 2, 2, 2, 2, 2]);
    const links = pages.map((page) => page['@odata.nextLink']);
    expect(new Set(links).size).toBe(links.length);
    expect(new Set(pages.slice(1, 5).map((page) => JSON.stringify(page.value))).size).toBe(1);
  });

  it('ends when another size is asked for', async () => {
    plant(6);
    graph.setQuirks({ loopingNextLink: { times: 'until_other_size' } });
    await expect(graph.round(FIRST, sized(3))).rejects.toThrow('it never ends');
    const stuck = await graph.get(FIRST, sized(3));
    const again = await graph.get(stuck.body['@odata.nextLink'] ?? '', sized(3));
    const { pages } = await graph.round(again.body['@odata.nextLink'], sized(4));
    expect(lengths(pages)).toEqual([4, 2]);
  });

  it('ends for those who ask for smaller pages from the beginning', async () => {
    plant(6);
    graph.setQuirks({ loopingNextLink: { times: 'always', pageSizeMin: 4 } });
    await expect(graph.round(FIRST, sized(5))).rejects.toThrow('it never ends');
    expect(lengths((await graph.round(FIRST, sized(3))).pages)).toEqual([3, 3]);
  });

  it('never ends, but for the plain view', async () => {
    plant(6);
    graph.setQuirks({ loopingNextLink: { times: 'always' } });
    for (const size of [3, 5, 100]) {
      await expect(graph.round(FIRST, sized(size))).rejects.toThrow('it never ends');
    }
    expect((await graph.get(`me/calendarView?${WINDOW}&$top=50`)).body.value).toHaveLength(6);
  });

  it('never begins on an empty page', async () => {
    graph.setQuirks({ loopingNextLink: { times: 'always' } });
    expect((await graph.round()).items).toEqual([]);
  });
});

describe('lag', () => {
  it('hides changes for a time', async () => {
    graph.sandbox.clock.freeze();
    plant(1);
    graph.sandbox.clock.advance(60_000);
    graph.setQuirks({ deltaLagMs: 30_000 });
    const first = await graph.round();
    expect(first.items).toHaveLength(1);
    plant(2);
    const empty = await graph.round(first.deltaLink);
    expect(empty.items).toEqual([]);
    graph.sandbox.clock.advance(29_999);
    expect((await graph.round(empty.deltaLink)).items).toEqual([]);
    graph.sandbox.clock.advance(1);
    expect((await graph.round(empty.deltaLink)).items).toHaveLength(2);
  });

  it('hides changes for some rounds of a chain', async () => {
    graph.setQuirks({ deltaLagRounds: 2 });
    plant(1);
    let { deltaLink } = await graph.round();
    plant(2);
    const counts: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const next = await graph.round(deltaLink);
      counts.push(next.items.length);
      deltaLink = next.deltaLink;
    }
    expect(counts).toEqual([0, 0, 2, 0]);
    plant(1);
    graph.setQuirks({ deltaLagRounds: 0 });
    expect((await graph.round(deltaLink)).items).toHaveLength(1);
  });
});

describe('links', () => {
  const codes: [MicrosoftQuirkChanges, number, string][] = [
    [{}, 410, 'SyncStateNotFound'],
    [{ deadLinkCode: 'syncStateNotFound' }, 410, 'syncStateNotFound'],
    [{ deadLinkCode: 'resyncRequired', deadLinkStatus: 404 }, 404, 'resyncRequired'],
    [{ deadLinkCode: 'InvalidDeltaToken' }, 400, 'InvalidDeltaToken'],
  ];

  it.each(codes)('die with %j: %i %s', async (quirks, status, code) => {
    graph.setQuirks(quirks);
    const { deltaLink } = await graph.round();
    graph.calendar.expireDeltaLinks();
    const dead = await graph.get(deltaLink);
    expect([dead.status, dead.body.error?.code, dead.headers.get('location')]).toEqual([status, code, null]);
    expect((await graph.round()).deltaLink).not.toBe('');
  });

  it('may die with the address of a fresh start', async () => {
    graph.setQuirks({ deadLinkLocation: true });
    const { deltaLink } = await graph.round();
    graph.calendar.expireDeltaLinks();
    const dead = await graph.get(deltaLink);
    expect(dead.headers.get('location')).toBe(
      `${graph.sandbox.microsoftRootUrl}/me/calendarView/delta?$deltatoken=`,
    );
    expect(dead.body.error?.message).toMatch(/^The sync state generation is not found; generation=1;/);
  });

  it('die in the middle of a round', async () => {
    plant(4);
    const first = await graph.get(FIRST, sized(2));
    graph.calendar.expireNextLinks();
    expect((await graph.get(first.body['@odata.nextLink'] ?? '')).status).toBe(410);
    graph.setQuirks({ deadNextLinkRate: 1 });
    const again = await graph.get(FIRST, sized(2));
    expect((await graph.get(again.body['@odata.nextLink'] ?? '')).status).toBe(410);
  });

  it('die by chance', async () => {
    graph.setQuirks({ deadDeltaLinkRate: 1 });
    const { deltaLink } = await graph.round();
    expect((await graph.get(deltaLink)).status).toBe(410);
    graph.setQuirks({ deadDeltaLinkRate: 0 });
    expect((await graph.get(deltaLink)).status).toBe(200);
  });

  it('are forgotten when a mailbox has had too many rounds since', async () => {
    graph.setQuirks({ generationsKept: 2 });
    const { deltaLink } = await graph.round();
    await graph.round();
    expect((await graph.get(deltaLink)).status).toBe(200);
    expect((await graph.get(deltaLink)).status).toBe(410);
  });

  it('that are none are refused', async () => {
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const { deltaLink } = await graph.round();
    const [, token = ''] = deltaLink.split('$deltatoken=');
    const path = `me/calendars/${encodeURIComponent(other.id)}/calendarView/delta`;
    const wrong = [
      `${path}?$deltatoken=${token}`,
      `me/calendarView/delta?$deltatoken=${token}x`,
      `me/calendarView/delta?$skiptoken=${token}`,
      'me/calendarView/delta?$deltatoken=latest',
    ];
    for (const target of wrong) {
      const answer = await graph.get(target);
      expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidDeltaToken']);
    }
  });

  it('are written in the long form', async () => {
    graph.setQuirks({ longLinks: true });
    const { deltaLink } = await graph.round();
    expect(deltaLink).toContain('/me/calendarView/microsoft.graph.delta()?$deltatoken=');
    expect((await graph.round(deltaLink)).items).toEqual([]);
  });
});

it('never tells of some deletions', async () => {
  const ids = plant(20);
  const { deltaLink } = await graph.round(FIRST, sized(50));
  graph.setQuirks({ missedDeletionRate: 0.5 });
  graph.calendar.deleteMany(ids);
  const { items } = await graph.round(deltaLink, sized(50));
  expect(items.length).toBeGreaterThan(3);
  expect(items.length).toBeLessThan(17);
  expect((await graph.round(FIRST)).items).toEqual([]);
});

it('shows touches by the server as changes', async () => {
  plant(3);
  const { deltaLink } = await graph.round(FIRST, sized(5));
  graph.setQuirks({ serverTouchRate: 1 });
  expect(typesOf((await graph.round(deltaLink)).items)).toEqual(['singleInstance']);
});

it('ignores what it does not support, or refuses it', async () => {
  plant(1);
  const ignored = await graph.get(`${FIRST}&$select=subject&$top=1`);
  expect(ignored.body.value?.[0]).toHaveProperty('showAs');
  graph.setQuirks({ selectOnDelta: 'reject' });
  const refused = await graph.get(`${FIRST}&$select=subject`);
  expect([refused.status, refused.body.error?.code]).toEqual([400, 'ErrorInvalidUrlQuery']);
});

it('answers gateway errors without a message', async () => {
  const { faults } = graph.sandbox;
  for (const status of [503, 504]) {
    faults.add({ operation: 'graph.delta', effect: { kind: 'status', status } });
    const answer = await graph.get(FIRST);
    expect([answer.status, answer.body.error]).toMatchObject([status, { code: 'UnknownError', message: '' }]);
  }
});

it('gives the calendar another id', async () => {
  graph.calendar.create(weekly());
  const path = (id: string): string => `me/calendars/${encodeURIComponent(id)}/calendarView/delta`;
  const before = graph.calendar.id;
  const { deltaLink } = await graph.round(`${path(before)}?${WINDOW}`);
  const after = graph.calendar.changeId();
  expect(after).not.toBe(before);
  const gone = await graph.get(deltaLink);
  expect([gone.status, gone.body.error?.code]).toEqual([404, 'ErrorItemNotFound']);
  expect((await graph.round(`${path(after)}?${WINDOW}`)).items).toHaveLength(6);
});
