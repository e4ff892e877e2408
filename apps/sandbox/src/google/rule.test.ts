import { expandRule, parseRule } from './rule.ts';

const START = Date.UTC(2026, 10, 2, 9);

function dates(rule: string, max = 5, start = START): string[] {
  const parsed = parseRule(rule);
  if (parsed === undefined) throw new Error('no rule');
  const found: string[] = [];
  for (const ms of expandRule(parsed, start, Infinity)) {
    found.push(new Date(ms).toISOString().slice(0, 10));
    if (found.length >= max) break;
  }
  return found;
}

it.each([
  ['FREQ=DAILY;COUNT=3', ['2026-11-02', '2026-11-03', '2026-11-04']],
  ['FREQ=DAILY;INTERVAL=10;COUNT=3', ['2026-11-02', '2026-11-12', '2026-11-22']],
  ['FREQ=DAILY;BYDAY=SA,SU;COUNT=3', ['2026-11-07', '2026-11-08', '2026-11-14']],
  ['FREQ=WEEKLY;BYDAY=MO,FR;COUNT=4', ['2026-11-02', '2026-11-06', '2026-11-09', '2026-11-13']],
  ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=SU;COUNT=2', ['2026-11-15', '2026-11-29']],
  ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=MO;COUNT=2', ['2026-11-08', '2026-11-22']],
  ['FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3', ['2026-12-31', '2027-01-31', '2027-03-31']],
  ['FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3', ['2026-11-30', '2026-12-31', '2027-01-31']],
  ['FREQ=MONTHLY;BYDAY=1WE,-1FR;COUNT=3', ['2026-11-04', '2026-11-27', '2026-12-02']],
  ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3', ['2026-11-30', '2026-12-31', '2027-01-29']],
  ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2', ['2026-11-13', '2027-08-13']],
  ['FREQ=YEARLY;COUNT=2', ['2026-11-02', '2027-11-02']],
  ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=2', ['2028-02-29', '2032-02-29']],
  ['FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;COUNT=2', ['2027-03-28', '2028-03-26']],
  ['FREQ=YEARLY;BYDAY=1MO;COUNT=2', ['2027-01-04', '2028-01-03']],
])('%s', (rule, expected) => {
  expect(dates(rule)).toEqual(expected);
});

it.each([
  'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31',
  'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
  'FREQ=MONTHLY;BYDAY=6MO',
])('%s never happens and never hangs', (rule) => {
  expect(dates(rule)).toEqual([]);
});

it.each([
  'FREQ=HOURLY',
  'FREQ=DAILY;INTERVAL=0',
  'FREQ=DAILY;COUNT=-1',
  'BYDAY=MO',
  'FREQ=DAILY;UNTIL=soon',
  '',
])('refuses "%s"', (rule) => {
  expect(parseRule(rule)).toBeUndefined();
});
