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

const startsOf = (answer: Answer): string[] =>
  (answer.body.value ?? []).map((item) => (item.start as { dateTime: string }).dateTime.slice(0, 16));

function instances(id: string, window = WINDOW, prefer = IMMUTABLE): Promise<Answer> {
  return graph.get(`me/events/${encodeURIComponent(id)}/instances?${window}`, { prefer });
}

const at = (dateTime: string, timeZone = 'Europe/Berlin'): { dateTime: string; timeZone: string } => ({
  dateTime,
  timeZone,
});

describe('a series', () => {
  it('reads as it was written, with zeros where its type uses nothing', async () => {
    const { body } = await graph.create(weekly());
    expect(body).toMatchObject({ type: 'seriesMaster', seriesMasterId: null });
    expect(body.recurrence).toEqual({
      pattern: {
        type: 'weekly',
        interval: 1,
        month: 0,
        dayOfMonth: 0,
        daysOfWeek: ['monday'],
        firstDayOfWeek: 'sunday',
        index: 'first',
      },
      range: {
        type: 'noEnd',
        startDate: '2026-11-02',
        endDate: '0001-01-01',
        recurrenceTimeZone: 'Europe/Berlin',
        numberOfOccurrences: 0,
      },
    });
    const monthly = series('2026-11-02', { type: 'absoluteMonthly', dayOfMonth: 2 });
    expect((await graph.create(monthly)).body.recurrence).toMatchObject({
      pattern: expect.not.objectContaining({ daysOfWeek: expect.anything() as unknown }) as unknown,
    });
  });

  it('keeps its wall time over clock changes', async () => {
    const { id } = graph.calendar.create(series('2026-10-19', { type: 'weekly', daysOfWeek: ['monday'] }));
    const answer = await instances(id, 'startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-05T00:00:00Z');
    // Berlin's clock goes back on October 25.
    expect(startsOf(answer)).toEqual(['2026-10-19T07:00', '2026-10-26T08:00', '2026-11-02T08:00']);
  });

  it('drifts when it is anchored in UTC', async () => {
    const utc = {
      start: at('2026-10-19T07:00:00', 'UTC'),
      end: at('2026-10-19T08:00:00', 'UTC'),
      recurrence: {
        pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'] },
        range: { type: 'noEnd', startDate: '2026-10-19' },
      },
    };
    const { id } = graph.calendar.create(utc);
    const window = 'startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-10-27T00:00:00Z';
    const answer = await instances(id, window, 'outlook.timezone="Europe/Berlin"');
    expect(startsOf(answer)).toEqual(['2026-10-19T09:00', '2026-10-26T08:00']);
  });

  it('lasts as long by the clock in the night the clock changes', async () => {
    const night = {
      start: at('2026-10-23T22:00:00'),
      end: at('2026-10-24T06:00:00'),
      recurrence: {
        pattern: { type: 'daily', interval: 1 },
        range: { type: 'numbered', startDate: '2026-10-23', numberOfOccurrences: 3 },
      },
    };
    const { id } = graph.calendar.create(night);
    const answer = await instances(id, 'startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-01T00:00:00Z');
    expect(
      (answer.body.value ?? []).map((item) =>
        [item.start, item.end].map((edge) => (edge as { dateTime: string }).dateTime.slice(8, 13)),
      ),
    ).toEqual([
      ['23T20', '24T04'],
      ['24T20', '25T05'],
      ['25T21', '26T05'],
    ]);
  });

  it('begins with the first day of its pattern', async () => {
    const { body } = await graph.create(series('2026-11-02', { type: 'weekly', daysOfWeek: ['thursday'] }));
    expect([dayOfStart(body), (body.recurrence as { range: { startDate: string } }).range.startDate]).toEqual(
      ['2026-11-05', '2026-11-05'],
    );
  });

  it('has to begin on the date of its start', async () => {
    const body = series('2026-11-02', { type: 'daily' });
    const answer = await graph.create({
      ...body,
      ...{ start: at('2026-11-03T09:00:00'), end: at('2026-11-03T10:00:00') },
    });
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'ErrorPropertyValidationFailure']);
  });

  it('follows a recurrence that is patched without a start, and refuses one that does not fit its start', async () => {
    const { id } = graph.calendar.create(weekly());
    const { recurrence } = series('2026-11-04', { type: 'daily', interval: 10 });
    const times = { start: at('2026-11-03T09:00:00'), end: at('2026-11-03T10:00:00') };
    expect((await graph.event('PATCH', id, { body: { recurrence, ...times } })).status).toBe(400);
    expect((await graph.event('PATCH', id, { body: { recurrence } })).status).toBe(200);
    expect((await instances(id)).body.value?.map(dayOfStart)).toEqual([
      '2026-11-04',
      '2026-11-14',
      '2026-11-24',
    ]);
  });

  it('without a zone of its own lives in the one of its start', async () => {
    const body = weekly();
    const recurrence = body.recurrence as { range: Record<string, unknown> };
    delete recurrence.range.recurrenceTimeZone;
    const made = await graph.create(body);
    expect(made.body.recurrence).toMatchObject({ range: { recurrenceTimeZone: 'Europe/Berlin' } });
  });

  it('goes as a whole', async () => {
    const { id } = graph.calendar.create(weekly());
    const occurrence = graph.calendar.occurrence(id, '2026-11-09');
    expect((await graph.event('DELETE', id)).status).toBe(204);
    expect((await graph.event('GET', occurrence.id)).status).toBe(404);
    expect(graph.calendar.truth(WINDOW_SPAN)).toEqual([]);
  });

  it('becomes a single event without its recurrence, and a series again with one', async () => {
    const { id } = graph.calendar.create(weekly());
    const single = await graph.event('PATCH', id, { body: { recurrence: null } });
    expect(single.body).toMatchObject({ type: 'singleInstance', recurrence: null });
    expect((await instances(id)).status).toBe(400);
    const { recurrence } = weekly();
    const again = await graph.event('PATCH', id, { body: { recurrence } });
    expect(again.body.type).toBe('seriesMaster');
    expect((await instances(id)).body.value).toHaveLength(5);
  });
});

describe('an occurrence', () => {
  it('says where it comes from', async () => {
    const { id } = graph.calendar.create(weekly());
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    const { body } = await graph.event('GET', slot, { prefer: IMMUTABLE });
    expect(body).toMatchObject({
      id: slot,
      type: 'occurrence',
      subject: 'Weekly',
      seriesMasterId: id,
      occurrenceId: `OID.${id}.2026-11-09`,
      originalStart: '2026-11-09T08:00:00Z',
      recurrence: null,
    });
    const zoned = await graph.event('GET', slot, { prefer: 'outlook.timezone="Europe/Berlin"' });
    expect(zoned.body.originalStart).toBe('2026-11-09T09:00:00+01:00');
    expect(zoned.body.seriesMasterId).not.toBe(id);
  });

  it('has its own iCalUId, or that of the series', async () => {
    const { id } = graph.calendar.create(weekly());
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    const read = async (): Promise<unknown[]> => {
      const answers = await Promise.all([graph.event('GET', id), graph.event('GET', slot)]);
      return answers.map(({ body }) => body.iCalUId);
    };
    const [master, own] = await read();
    expect(own).not.toBe(master);
    graph.setQuirks({ occurrenceICalUId: 'series' });
    expect(await read()).toEqual([master, master]);
  });

  it('becomes an exception that overrides what it was given', async () => {
    const { id } = graph.calendar.create(weekly({ location: { displayName: 'Room 1' } }));
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    const patched = await graph.event('PATCH', slot, {
      body: { subject: 'Moved', start: at('2026-11-10T14:00:00'), end: at('2026-11-10T15:00:00') },
      prefer: IMMUTABLE,
    });
    expect(patched.body).toMatchObject({
      id: slot,
      type: 'exception',
      subject: 'Moved',
      location: { displayName: 'Room 1' },
      originalStart: '2026-11-09T08:00:00Z',
      start: at('2026-11-10T13:00:00.0000000', 'UTC'),
    });
    await graph.event('PATCH', id, { body: { location: { displayName: 'Room 2' }, subject: 'Weekly 2' } });
    const later = await graph.event('GET', slot);
    expect(later.body).toMatchObject({ subject: 'Moved', location: { displayName: 'Room 2' } });
  });

  it('is deleted alone', async () => {
    const { id } = graph.calendar.create(weekly());
    const before = await graph.event('GET', id);
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    expect((await graph.event('DELETE', slot)).status).toBe(204);
    expect((await graph.event('GET', slot)).status).toBe(404);
    expect((await instances(id)).body.value?.map(dayOfStart)).toEqual([
      '2026-11-02',
      '2026-11-16',
      '2026-11-23',
      '2026-11-30',
    ]);
    const after = await graph.event('GET', id);
    expect(after.body['@odata.etag']).not.toBe(before.body['@odata.etag']);
    expect(after.body.cancelledOccurrences).toBeUndefined();
    graph.setQuirks({ cancelledOccurrences: true });
    graph.calendar.patchOccurrence(id, '2026-11-16', { subject: 'other' });
    const path = `me/events/${encodeURIComponent(id)}?$select=cancelledOccurrences&$expand=exceptionOccurrences`;
    const asked = await graph.get(path, { prefer: IMMUTABLE });
    expect(asked.body.cancelledOccurrences).toEqual([`OID.${id}.2026-11-09`]);
    expect(asked.body.exceptionOccurrences).toMatchObject([{ subject: 'other' }]);
  });

  it.each([
    ['the day of the one before', '2026-11-02T18:00:00', 400],
    ['the day after the one before', '2026-11-03T00:00:00', 200],
    ['the day before the next', '2026-11-15T23:00:00', 200],
    ['the day of the next', '2026-11-16T01:00:00', 400],
    ['past the next', '2026-11-20T09:00:00', 400],
    ['another hour of its day', '2026-11-09T23:00:00', 200],
  ])('moved to %s', async (_name, start, status) => {
    const { id } = graph.calendar.create(weekly());
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    const end = start.replace(/:00:00$/, ':30:00');
    const answer = await graph.event('PATCH', slot, { body: { start: at(start), end: at(end) } });
    expect(answer.status).toBe(status);
    if (status === 400) expect(answer.body.error?.code).toBe('ErrorOccurrenceCrossingBoundary');
  });

  it('may pass a neighbour that was deleted, not one that was moved', async () => {
    const { id } = graph.calendar.create(weekly());
    graph.calendar.deleteOccurrence(id, '2026-11-16');
    graph.calendar.patchOccurrence(id, '2026-11-23', {
      start: at('2026-11-21T09:00:00'),
      end: at('2026-11-21T10:00:00'),
    });
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    const move = (day: string): Promise<Answer> =>
      graph.event('PATCH', slot, { body: { start: at(`${day}T09:00:00`), end: at(`${day}T10:00:00`) } });
    expect((await move('2026-11-20')).status).toBe(200);
    expect((await move('2026-11-21')).status).toBe(400);
  });

  it('cannot recur itself', async () => {
    const { id } = graph.calendar.create(weekly());
    const { id: slot } = graph.calendar.occurrence(id, '2026-11-09');
    const { recurrence } = weekly();
    expect((await graph.event('PATCH', slot, { body: { recurrence } })).status).toBe(400);
  });
});
