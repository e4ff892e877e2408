import {
  dayOfStart,
  Graph,
  IMMUTABLE,
  meeting,
  typesOf,
  weekly,
  WINDOW,
  WINDOW_SPAN,
} from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

const VIEW = `me/calendarView?${WINDOW}`;

describe('the calendar view', () => {
  it('shows instances with everything they say, and no master', async () => {
    graph.calendar.create(meeting(0));
    const { id } = graph.calendar.create(weekly({ body: { contentType: 'text', content: 'Agenda' } }));
    graph.calendar.patchOccurrence(id, '2026-11-16', { subject: 'Exception' });
    graph.calendar.deleteOccurrence(id, '2026-11-23');
    const { body } = await graph.get(VIEW, { prefer: IMMUTABLE });
    expect(typesOf(body.value ?? [])).toEqual([
      'singleInstance',
      'occurrence',
      'occurrence',
      'exception',
      'occurrence',
    ]);
    expect(body.value?.[1]).toMatchObject({ subject: 'Weekly', bodyPreview: 'Agenda', seriesMasterId: id });
    const truth = graph.calendar.truth(WINDOW_SPAN);
    expect(new Set(body.value?.map((item) => item.id))).toEqual(new Set(truth.map((item) => item.eventId)));
  });

  it('pages by ten, by $top or by the preferred size', async () => {
    graph.calendar.createMany(Array.from({ length: 25 }, (_, hour) => meeting(hour)));
    const sizes = async (target: string, prefer?: string): Promise<number[]> => {
      const pages = await graph.pages(target, prefer === undefined ? {} : { prefer });
      return pages.map((page) => page.value?.length ?? -1);
    };
    expect(await sizes(VIEW)).toEqual([10, 10, 5]);
    expect(await sizes(`${VIEW}&$top=20`)).toEqual([20, 5]);
    expect(await sizes(VIEW, 'odata.maxpagesize=25')).toEqual([25]);
    const pages = await graph.pages(`${VIEW}&$top=7&$select=subject`);
    const subjects = pages.flatMap((page) => (page.value ?? []).map(({ subject }) => subject));
    expect(subjects).toEqual(Array.from({ length: 25 }, (_, hour) => `Meeting ${hour}`));
    expect(Object.keys(pages[3]?.value?.[0] ?? {})).toEqual(['@odata.etag', 'id', 'subject']);
  });

  it('lets an event slip when another one is deleted between two pages', async () => {
    const ids = graph.calendar.createMany(Array.from({ length: 6 }, (_, hour) => meeting(hour)));
    const first = await graph.get(`${VIEW}&$top=3`);
    graph.calendar.delete(ids[0] ?? '');
    const second = await graph.get(first.body['@odata.nextLink'] ?? '');
    expect(second.body.value?.map(({ subject }) => subject)).toEqual(['Meeting 4', 'Meeting 5']);
  });

  it('breaks pages inside a series and sorts on demand', async () => {
    graph.calendar.create(weekly());
    graph.calendar.create(meeting(-1));
    const pages = await graph.pages(`${VIEW}&$top=2`);
    expect(pages.map((page) => page.value?.length)).toEqual([2, 2, 2]);
    const sorted = await graph.pages(`${VIEW}&$top=4&$orderby=${encodeURIComponent('start/dateTime desc')}`);
    expect(sorted.flatMap((page) => (page.value ?? []).map(dayOfStart))).toEqual([
      '2026-11-30',
      '2026-11-23',
      '2026-11-16',
      '2026-11-09',
      '2026-11-02',
      '2026-11-02',
    ]);
  });

  it('counts what overlaps its window', async () => {
    graph.calendar.createMany([meeting(0), meeting(1), meeting(2)]);
    const seen = async (start: string, end: string): Promise<unknown[]> => {
      const { body } = await graph.get(
        `me/calendarView?startDateTime=${encodeURIComponent(start)}&EndDateTime=${encodeURIComponent(end)}`,
      );
      return (body.value ?? []).map(({ subject }) => subject);
    };
    expect(await seen('2026-11-02T08:30:00Z', '2026-11-02T10:00:00Z')).toEqual(['Meeting 1']);
    expect(await seen('2026-11-02T08:29:00Z', '2026-11-02T10:01:00Z')).toHaveLength(3);
    expect(await seen('2026-11-02T10:30:00+01:00', '2026-11-02T11:00:00+01:00')).toEqual([]);
    expect(await seen('2026-11-02T09:15:00', '2026-11-02T09:20:00')).toEqual(['Meeting 1']);
  });

  it.each([
    ['no end', 'startDateTime=2026-11-01T00:00:00Z', 'ErrorInvalidParameter'],
    ['no time', 'startDateTime=soon&endDateTime=later', 'ErrorInvalidParameter'],
    [
      'the end first',
      'startDateTime=2026-11-02T00:00:00Z&endDateTime=2026-11-01T00:00:00Z',
      'ErrorInvalidParameter',
    ],
    [
      'too wide',
      'startDateTime=2020-01-01T00:00:00Z&endDateTime=2025-01-01T00:00:00Z',
      'ErrorInvalidRequest',
    ],
    ['too many', `${WINDOW}&$top=1001`, 'ErrorInvalidParameter'],
    ['none', `${WINDOW}&$top=0`, 'ErrorInvalidParameter'],
    ['a step back', `${WINDOW}&$skip=-1`, 'ErrorInvalidParameter'],
    ['an order by subject', `${WINDOW}&$orderby=subject`, 'ErrorInvalidUrlQuery'],
    ['a broken selection', `${WINDOW}&$select=subject,%7B`, 'BadRequest'],
  ])('is refused with %s', async (_name, query, code) => {
    const answer = await graph.get(`me/calendarView?${query}`);
    expect([answer.status, answer.body.error?.code]).toEqual([400, code]);
  });

  it('says how many days are allowed', async () => {
    const answer = await graph.get(
      'me/calendarView?startDateTime=2020-01-01T00:00:00Z&endDateTime=2025-01-01T00:00:00Z',
    );
    expect(answer.body.error?.message).toContain('Maximum number of days: 1825');
  });
});

describe('lists', () => {
  it('show singles and masters, not what happens inside a series', async () => {
    graph.calendar.create(meeting(0));
    const { id } = graph.calendar.create(weekly());
    graph.calendar.patchOccurrence(id, '2026-11-16', { subject: 'Exception' });
    const { body } = await graph.get('me/events');
    expect(typesOf(body.value ?? [])).toEqual(['singleInstance', 'seriesMaster']);
  });

  it('filter by iCalUId, subject and time', async () => {
    const made = await graph.create(meeting(0));
    await graph.create(meeting(5, { subject: "Ada's" }));
    const found = async (filter: string): Promise<number> => {
      const { status, body } = await graph.get(`me/events?$filter=${encodeURIComponent(filter)}`);
      return status === 200 ? (body.value?.length ?? -1) : status;
    };
    expect(await found(`iCalUId eq '${String(made.body.iCalUId)}'`)).toBe(1);
    expect(await found("subject eq 'Ada''s'")).toBe(1);
    expect(
      await found("start/dateTime ge '2026-11-02T08:00:00Z' and end/dateTime lt '2026-11-02T10:00'"),
    ).toBe(1);
    expect(await found("transactionId eq 'x'")).toBe(400);
    expect(await found("subject eq 'a' or subject eq 'b'")).toBe(400);
  });
});

describe('instances', () => {
  it('are those of a master, in pages', async () => {
    const { id } = graph.calendar.create(weekly());
    graph.calendar.deleteOccurrence(id, '2026-11-09');
    const path = `me/calendars/${encodeURIComponent(graph.calendar.id)}/events/${encodeURIComponent(id)}/instances`;
    const pages = await graph.pages(`${path}?${WINDOW}&$top=3&$select=start`, { prefer: IMMUTABLE });
    expect(pages.map((page) => page.value?.map(dayOfStart))).toEqual([
      ['2026-11-02', '2026-11-16', '2026-11-23'],
      ['2026-11-30'],
    ]);
  });

  it.each(['single', 'occurrence'])('are none of a %s', async (kind) => {
    const { id } = graph.calendar.create(kind === 'single' ? meeting(0) : weekly());
    const of = kind === 'single' ? id : graph.calendar.occurrence(id, '2026-11-09').id;
    const answer = await graph.get(`me/events/${encodeURIComponent(of)}/instances?${WINDOW}`);
    expect(answer.status).toBe(400);
  });
});
