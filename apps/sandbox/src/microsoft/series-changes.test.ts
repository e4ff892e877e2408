import {
  dayOfStart,
  Graph,
  IMMUTABLE,
  series,
  weekly,
  WINDOW,
  WINDOW_SPAN,
  type Answer,
} from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

function instances(id: string, window = WINDOW, prefer = IMMUTABLE): Promise<Answer> {
  return graph.get(`me/events/${encodeURIComponent(id)}/instances?${window}`, { prefer });
}

const at = (dateTime: string, timeZone = 'Europe/Berlin'): { dateTime: string; timeZone: string } => ({
  dateTime,
  timeZone,
});

describe('a change of the series', () => {
  const prepare = (): { id: string; slot: string } => {
    const { id } = graph.calendar.create(weekly());
    graph.calendar.patchOccurrence(id, '2026-11-09', { subject: 'Exception' });
    graph.calendar.deleteOccurrence(id, '2026-11-16');
    return { id, slot: graph.calendar.occurrence(id, '2026-11-23').id };
  };
  const subjects = (): (string | null)[] => graph.calendar.truth(WINDOW_SPAN).map(({ subject }) => subject);

  it.each([
    ['start', { start: at('2026-11-02T11:00:00'), end: at('2026-11-02T12:00:00') }],
    [
      'pattern',
      {
        recurrence: {
          pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday', 'tuesday'] },
          range: { type: 'noEnd', startDate: '2026-11-02', recurrenceTimeZone: 'Europe/Berlin' },
        },
      },
    ],
  ])('%s discards exceptions and deletions, and gives other ids', async (_name, body) => {
    const { id, slot } = prepare();
    expect((await graph.event('PATCH', id, { body })).status).toBe(200);
    expect(new Set(subjects())).toEqual(new Set(['Weekly']));
    expect((await graph.event('GET', slot)).status).toBe(404);
    expect(graph.calendar.occurrence(id, '2026-11-16').id).not.toBe(slot);
  });

  it.each([
    ['subject', { subject: 'Renamed' }, ['Renamed', 'Exception', 'Renamed', 'Renamed']],
    ['length', { end: at('2026-11-02T11:00:00') }, ['Weekly', 'Exception', 'Weekly', 'Weekly']],
    [
      'last day',
      {
        recurrence: {
          pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'] },
          range: {
            type: 'endDate',
            startDate: '2026-11-02',
            endDate: '2026-11-24',
            recurrenceTimeZone: 'Europe/Berlin',
          },
        },
      },
      ['Weekly', 'Exception', 'Weekly'],
    ],
    [
      'nothing at all',
      { start: at('2026-11-02T09:00:00'), end: at('2026-11-02T10:00:00') },
      ['Weekly', 'Exception', 'Weekly', 'Weekly'],
    ],
  ])('%s keeps them', async (_name, body, expected) => {
    const { id } = prepare();
    expect((await graph.event('PATCH', id, { body })).status).toBe(200);
    expect(subjects()).toEqual(expected);
  });

  it('moves it to another day when its start moves', async () => {
    const { id } = graph.calendar.create(series('2026-11-02', { type: 'daily', interval: 7 }));
    await graph.event('PATCH', id, {
      body: { start: at('2026-11-04T09:00:00'), end: at('2026-11-04T10:00:00') },
    });
    expect((await instances(id)).body.value?.map(dayOfStart)).toEqual([
      '2026-11-04',
      '2026-11-11',
      '2026-11-18',
      '2026-11-25',
    ]);
  });
});

it('shows all-day series as dates, whatever the zone of their creator', async () => {
  const body = {
    isAllDay: true,
    start: at('2026-11-02T00:00:00', 'Tokyo Standard Time'),
    end: at('2026-11-03T00:00:00', 'Tokyo Standard Time'),
    recurrence: {
      pattern: { type: 'daily', interval: 2 },
      range: { type: 'numbered', startDate: '2026-11-02', numberOfOccurrences: 3 },
    },
  };
  const { id } = graph.calendar.create(body);
  const answer = await instances(id, WINDOW, 'outlook.timezone="Pacific Standard Time"');
  expect(answer.body.value?.map(dayOfStart)).toEqual(['2026-11-02', '2026-11-04', '2026-11-06']);
  expect(graph.calendar.truth(WINDOW_SPAN)[1]).toMatchObject({
    start: '2026-11-04',
    end: '2026-11-05',
    originalStart: '2026-11-04',
  });
  const slot = graph.calendar.occurrence(id, '2026-11-04');
  expect((await graph.event('GET', slot.id)).body.originalStart).toBe('2026-11-03T15:00:00Z');
  graph.setQuirks({ allDayOriginalStart: 'midnight' });
  expect((await graph.event('GET', slot.id)).body.originalStart).toBe('2026-11-04T00:00:00Z');
});

it('keeps all-day series on their dates, also where the recurrence names another zone', async () => {
  const { id } = graph.calendar.create({
    isAllDay: true,
    start: at('2026-10-23T00:00:00', 'UTC'),
    end: at('2026-10-24T00:00:00', 'UTC'),
    recurrence: {
      pattern: { type: 'daily', interval: 1 },
      range: {
        type: 'numbered',
        startDate: '2026-10-23',
        numberOfOccurrences: 4,
        recurrenceTimeZone: 'Pacific Standard Time',
      },
    },
  });
  const answer = await instances(id, 'startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-01T00:00:00Z');
  expect(answer.body.value?.map(dayOfStart)).toEqual([
    '2026-10-23',
    '2026-10-24',
    '2026-10-25',
    '2026-10-26',
  ]);
  expect((await graph.event('GET', id)).body.recurrence).toMatchObject({
    range: { recurrenceTimeZone: 'Pacific Standard Time' },
  });
});

it('is called off by its organiser, as a whole or for a day', async () => {
  const { id } = graph.calendar.create(weekly());
  graph.calendar.patchOccurrence(id, '2026-11-09', { subject: 'Exception' });
  graph.calendar.cancelByOrganiser(graph.calendar.occurrence(id, '2026-11-16').id);
  const state = (): [string | null, boolean][] =>
    graph.calendar.truth(WINDOW_SPAN).map(({ subject, isCancelled }) => [subject, isCancelled]);
  expect(state()).toEqual([
    ['Weekly', false],
    ['Exception', false],
    ['Canceled: Weekly', true],
    ['Weekly', false],
    ['Weekly', false],
  ]);
  graph.calendar.cancelByOrganiser(id);
  expect(state()).toEqual([
    ['Canceled: Weekly', true],
    ['Canceled: Exception', true],
    ['Canceled: Weekly', true],
    ['Canceled: Weekly', true],
    ['Canceled: Weekly', true],
  ]);
});
