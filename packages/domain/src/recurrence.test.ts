import { execFileSync } from 'node:child_process';
import { dateCases } from './recurrence-date.cases.ts';
import { RecurrenceError, type RecurrenceReason } from './recurrence-error.ts';
import { ruleCases } from './recurrence-rule.cases.ts';
import { zoneCases } from './recurrence-zone.cases.ts';
import type { SeriesCase } from './recurrence.cases.ts';
import { expandSeries, type SeriesInput } from './recurrence.ts';
import type { EventTime } from './times.ts';
import { ZoneTable } from './zones.ts';

const cases = [...zoneCases, ...dateCases, ...ruleCases];

function timeOf(text: string, zone: string | null): EventTime {
  if (text.length === 10) return { kind: 'date', date: text };
  return text.endsWith('Z') ? { kind: 'zoned', instant: text, zone } : { kind: 'floating', local: text };
}

function textOf(time: EventTime): string {
  if (time.kind === 'date') return time.date;
  return time.kind === 'zoned' ? time.instant : time.local;
}

const inputOf = (series: SeriesCase): SeriesInput => ({
  start: timeOf(series.start, series.zone ?? null),
  end: timeOf(series.end, series.zone ?? null),
  recurrence: series.recurrence,
  window: { from: new Date(series.window[0]), to: new Date(series.window[1]) },
  replaced: new Set(series.replaced),
});

const expectedStarts = ({ expected, start }: SeriesCase): string[] =>
  expected.map((text) => (text.length === 10 ? text + start.slice(10) : text));

const slotOfText = (text: string): string => {
  const digits = text.replaceAll(/[-:Z]/g, '');
  return digits.length === 8 ? digits : `${digits}Z`;
};

describe('a series becomes its occurrences', () => {
  it.each(cases.map((series) => [series.name, series] as const))('%s', (_name, series) => {
    const { occurrences, truncated } = expandSeries(inputOf(series), new ZoneTable());
    const starts = expectedStarts(series);
    expect(occurrences.map(({ start }) => textOf(start))).toEqual(starts);
    expect(occurrences.map(({ slot }) => slot)).toEqual(starts.map(slotOfText));
    if (series.ends) expect(occurrences.map(({ end }) => textOf(end))).toEqual(series.ends);
    expect(truncated).toBeNull();
  });

  it('keeps the zones that start and end were said in', () => {
    const [occurrence] = expandSeries({
      start: { kind: 'zoned', instant: '2025-06-02T07:00:00Z', zone: 'Europe/Berlin' },
      end: { kind: 'zoned', instant: '2025-06-02T08:00:00Z', zone: 'Europe/London' },
      recurrence: ['RRULE:FREQ=DAILY'],
      window: { from: new Date('2025-06-03'), to: new Date('2025-06-04') },
      replaced: new Set(),
    }).occurrences;
    expect(occurrence).toEqual({
      slot: '20250603T070000Z',
      start: { kind: 'zoned', instant: '2025-06-03T07:00:00Z', zone: 'Europe/Berlin' },
      end: { kind: 'zoned', instant: '2025-06-03T08:00:00Z', zone: 'Europe/London' },
    });
  });

  it.each(['Pacific/Kiritimati', 'America/Los_Angeles', 'Europe/Berlin'])(
    'is the same on a host in %s',
    (hostZone) => {
      const inputs = cases.map((series) => ({ ...inputOf(series), replaced: series.replaced ?? [] }));
      const script = `
        const { expandSeries } = require('./packages/domain/src/recurrence.ts');
        const { ZoneTable } = require('./packages/domain/src/zones.ts');
        const zones = new ZoneTable();
        const inputs = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
        const answers = inputs.map(({ window, replaced, ...rest }) => expandSeries({
          ...rest,
          window: { from: new Date(window.from), to: new Date(window.to) },
          replaced: new Set(replaced),
        }, zones).occurrences.map(({ slot }) => slot));
        console.log(JSON.stringify({ offset: new Date(2025, 0, 1).getTimezoneOffset(), answers }));`;
      const told = execFileSync(process.execPath, ['--require', 'tsx/cjs', '-e', script], {
        input: JSON.stringify(inputs),
        env: { ...process.env, TZ: hostZone },
        encoding: 'utf8',
      });
      const offsets = { 'Pacific/Kiritimati': -840, 'America/Los_Angeles': 480, 'Europe/Berlin': -60 };
      expect(JSON.parse(told)).toEqual({
        offset: offsets[hostZone as keyof typeof offsets],
        answers: cases.map((series) => expectedStarts(series).map(slotOfText)),
      });
    },
  );
});

describe('a series that makes no sense is refused with its reason', () => {
  const zoned = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'Europe/Berlin' });
  const refusal = (recurrence: string[], more: Partial<SeriesInput> = {}): unknown => {
    try {
      return expandSeries({
        start: zoned('2025-06-02T07:00:00Z'),
        end: zoned('2025-06-02T08:00:00Z'),
        recurrence,
        window: { from: new Date('2025-06-01'), to: new Date('2025-07-01') },
        replaced: new Set(),
        ...more,
      });
    } catch (thrown) {
      return thrown;
    }
  };

  it.each<[RecurrenceReason, string]>([
    ['unreadable_line', 'FREQ=DAILY'],
    ['unreadable_line', 'DTSTART:20250602T070000Z'],
    ['unreadable_line', 'RRULE FREQ=DAILY'],
    ['unreadable_rule', 'RRULE:'],
    ['unreadable_rule', 'RRULE:COUNT=3'],
    ['unreadable_rule', 'RRULE:FREQ=FORTNIGHTLY'],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;COUNT=0'],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;COUNT=1e3'],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;INTERVAL=-1'],
    ['unreadable_rule', `RRULE:FREQ=DAILY;INTERVAL=${'9'.repeat(400)}`],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;FREQ=WEEKLY'],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;BYDAY'],
    ['unreadable_rule', 'RRULE:FREQ=MONTHLY;BYDAY=0MO'],
    ['unreadable_rule', 'RRULE:FREQ=MONTHLY;BYDAY=XX'],
    ['unreadable_rule', 'RRULE:FREQ=MONTHLY;BYMONTHDAY=32'],
    ['unreadable_rule', 'RRULE:FREQ=MONTHLY;BYMONTHDAY=0'],
    ['unreadable_rule', 'RRULE:FREQ=MONTHLY;BYSETPOS=500;BYDAY=MO'],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;BYEASTER=1'],
    ['unreadable_rule', 'RRULE:FREQ=DAILY;WKST=FOO'],
    ['unreadable_rule', 'RRULE:RSCALE=CHINESE;FREQ=YEARLY'],
    ['unreadable_rule', 'RRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD'],
    ['unreadable_date', 'RRULE:FREQ=DAILY;UNTIL=20250231'],
    ['unreadable_date', 'RRULE:FREQ=DAILY;UNTIL=tomorrow'],
    ['unreadable_date', 'EXDATE:20250603T250000Z'],
    ['unreadable_date', 'RDATE:2025-W23'],
    ['unreadable_date', 'RDATE;VALUE=PERIOD:20250603T070000Z/20250603T060000Z'],
    ['unreadable_date', 'RDATE;VALUE=PERIOD:20250603T070000Z/P99999999D'],
  ])('%s: %s', (reason, line) => {
    const thrown = refusal([line]);
    expect(thrown).toBeInstanceOf(RecurrenceError);
    expect(thrown).toMatchObject({ code: 'invalid_input', reason, context: { reason } });
  });

  it.each<[string, Partial<SeriesInput>, RecurrenceReason]>([
    ['an end before its start', { end: zoned('2025-06-02T06:59:59Z') }, 'unreadable_time'],
    ['an all-day end of a timed start', { end: { kind: 'date', date: '2025-06-03' } }, 'unreadable_time'],
    ['a start that is no instant', { start: zoned('yesterday') }, 'unreadable_time'],
    [
      'an hourly all-day series',
      { start: { kind: 'date', date: '2025-06-02' }, end: { kind: 'date', date: '2025-06-03' } },
      'unreadable_rule',
    ],
  ])('%s', (_name, more, reason) => {
    expect(refusal(['RRULE:FREQ=HOURLY'], more)).toMatchObject({ reason });
  });

  it('does not repeat the text of the event', () => {
    const thrown = refusal(['RRULE:FREQ=DAILY;X=Secret']);
    expect(JSON.stringify([(thrown as Error).message, thrown])).not.toMatch(/secret/i);
  });
});
