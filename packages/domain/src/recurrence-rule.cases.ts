import type { SeriesCase } from './recurrence.cases.ts';

/** The parts of a rule. Floating, so that nothing but the calendar plays a part; "RFC" are examples of §3.8.5.3. */
const rule = (
  name: string,
  text: string,
  expected: string[],
  { start = `${expected[0]}T09:00:00`, until = '2012-01-01' } = {},
): SeriesCase => ({
  name,
  start,
  end: start,
  recurrence: [`RRULE:${text}`],
  window: ['1990-01-01', until],
  expected,
});

export const ruleCases: SeriesCase[] = [
  rule(
    'RFC: every other day',
    'FREQ=DAILY;INTERVAL=2',
    ['1997-09-02', '1997-09-04', '1997-09-06', '1997-09-08'],
    {
      until: '1997-09-10',
    },
  ),
  rule(
    'RFC: every day in January, as YEARLY',
    'FREQ=YEARLY;UNTIL=19980103T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA',
    ['1998-01-01', '1998-01-02', '1998-01-03'],
  ),
  rule('RFC: every day in January, as DAILY', 'FREQ=DAILY;UNTIL=19990102T140000Z;BYMONTH=1', [
    ...['1998-01-28', '1998-01-29', '1998-01-30', '1998-01-31', '1999-01-01', '1999-01-02'],
  ]),
  rule(
    'RFC: every other week on Monday, Wednesday and Friday, weeks from Sunday',
    'FREQ=WEEKLY;INTERVAL=2;UNTIL=19971004T000000Z;WKST=SU;BYDAY=MO,WE,FR',
    [
      '1997-09-01',
      '1997-09-03',
      '1997-09-05',
      '1997-09-15',
      '1997-09-17',
      '1997-09-19',
      '1997-09-29',
      '1997-10-01',
      '1997-10-03',
    ],
  ),
  rule('RFC: WKST=MO', 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO', [
    ...['1997-08-05', '1997-08-10', '1997-08-19', '1997-08-24'],
  ]),
  rule('RFC: WKST=SU', 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU', [
    ...['1997-08-05', '1997-08-17', '1997-08-19', '1997-08-31'],
  ]),
  rule('RFC: first Friday', 'FREQ=MONTHLY;COUNT=6;BYDAY=1FR', [
    ...['1997-09-05', '1997-10-03', '1997-11-07', '1997-12-05', '1998-01-02', '1998-02-06'],
  ]),
  rule('RFC: every other month, first and last Sunday', 'FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU', [
    ...['1997-09-07', '1997-09-28', '1997-11-02', '1997-11-30', '1998-01-04', '1998-01-25'],
    ...['1998-03-01', '1998-03-29', '1998-05-03', '1998-05-31'],
  ]),
  rule('RFC: second to last Monday', 'FREQ=MONTHLY;COUNT=6;BYDAY=-2MO', [
    ...['1997-09-22', '1997-10-20', '1997-11-17', '1997-12-22', '1998-01-19', '1998-02-16'],
  ]),
  rule('RFC: third to last day', 'FREQ=MONTHLY;COUNT=6;BYMONTHDAY=-3', [
    ...['1997-09-28', '1997-10-29', '1997-11-28', '1997-12-29', '1998-01-29', '1998-02-26'],
  ]),
  rule('RFC: first and last day', 'FREQ=MONTHLY;COUNT=7;BYMONTHDAY=1,-1', [
    ...['1997-09-30', '1997-10-01', '1997-10-31', '1997-11-01', '1997-11-30', '1997-12-01', '1997-12-31'],
  ]),
  rule('RFC: every 18 months, 10th to 12th', 'FREQ=MONTHLY;INTERVAL=18;COUNT=5;BYMONTHDAY=10,11,12', [
    ...['1997-09-10', '1997-09-11', '1997-09-12', '1999-03-10', '1999-03-11'],
  ]),
  rule('RFC: every Tuesday, every other month', 'FREQ=MONTHLY;INTERVAL=2;BYDAY=TU;COUNT=7', [
    ...['1997-09-02', '1997-09-09', '1997-09-16', '1997-09-23', '1997-09-30', '1997-11-04', '1997-11-11'],
  ]),
  rule('RFC: yearly in June and July', 'FREQ=YEARLY;COUNT=4;BYMONTH=6,7', [
    ...['1997-06-10', '1997-07-10', '1998-06-10', '1998-07-10'],
  ]),
  rule('RFC: every other year in January, February, March', 'FREQ=YEARLY;INTERVAL=2;COUNT=4;BYMONTH=1,2,3', [
    ...['1997-03-10', '1999-01-10', '1999-02-10', '1999-03-10'],
  ]),
  rule('RFC: every third year, days 1, 100 and 200', 'FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200', [
    ...['1997-01-01', '1997-04-10', '1997-07-19', '2000-01-01', '2000-04-09', '2000-07-18'],
    ...['2003-01-01', '2003-04-10', '2003-07-19', '2006-01-01'],
  ]),
  rule('RFC: 20th Monday of the year', 'FREQ=YEARLY;BYDAY=20MO', ['1997-05-19', '1998-05-18', '1999-05-17'], {
    until: '2000-01-01',
  }),
  rule(
    'RFC: Monday of week 20',
    'FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO',
    ['1997-05-12', '1998-05-11', '1999-05-17'],
    {
      until: '2000-01-01',
    },
  ),
  rule(
    'RFC: every Thursday in March',
    'FREQ=YEARLY;BYMONTH=3;BYDAY=TH',
    [...['1997-03-13', '1997-03-20', '1997-03-27', '1998-03-05', '1998-03-12', '1998-03-19', '1998-03-26']],
    { until: '1999-01-01' },
  ),
  rule(
    'RFC: Friday the 13th',
    'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13',
    [...['1998-02-13', '1998-03-13', '1998-11-13', '1999-08-13', '2000-10-13']],
    { until: '2001-01-01' },
  ),
  rule(
    'RFC: first Saturday after the first Sunday',
    'FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=5',
    [...['1997-09-13', '1997-10-11', '1997-11-08', '1997-12-13', '1998-01-10']],
  ),
  rule(
    'RFC: election day',
    'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8',
    ['1996-11-05', '2000-11-07', '2004-11-02'],
    { until: '2005-01-01' },
  ),
  rule('RFC: third of Tuesday, Wednesday, Thursday', 'FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3', [
    ...['1997-09-04', '1997-10-07', '1997-11-06'],
  ]),
  rule(
    'RFC: second to last weekday',
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2',
    [...['1997-09-29', '1997-10-30', '1997-11-27', '1997-12-30', '1998-01-29', '1998-02-26', '1998-03-30']],
    { until: '1998-04-01' },
  ),
  rule('RFC: days that do not exist are skipped', 'FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5', [
    ...['2007-01-15', '2007-01-30', '2007-02-15', '2007-03-15', '2007-03-30'],
  ]),
  rule(
    'RFC: every three hours',
    'FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z',
    [...['1997-09-02T09:00:00', '1997-09-02T12:00:00', '1997-09-02T15:00:00']],
    { start: '1997-09-02T09:00:00' },
  ),
  rule(
    'RFC: every hour and a half',
    'FREQ=MINUTELY;INTERVAL=90;COUNT=4',
    [...['1997-09-02T09:00:00', '1997-09-02T10:30:00', '1997-09-02T12:00:00', '1997-09-02T13:30:00']],
    { start: '1997-09-02T09:00:00' },
  ),
  rule(
    'RFC: every 20 minutes in office hours, as DAILY',
    'FREQ=DAILY;BYHOUR=9,16;BYMINUTE=0,20,40;COUNT=7',
    [
      ...['1997-09-02T09:00:00', '1997-09-02T09:20:00', '1997-09-02T09:40:00', '1997-09-02T16:00:00'],
      ...['1997-09-02T16:20:00', '1997-09-02T16:40:00', '1997-09-03T09:00:00'],
    ],
    { start: '1997-09-02T09:00:00' },
  ),
  rule(
    'RFC: every 20 minutes in office hours, as MINUTELY',
    'FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,16;COUNT=7',
    [
      ...['1997-09-02T09:00:00', '1997-09-02T09:20:00', '1997-09-02T09:40:00', '1997-09-02T16:00:00'],
      ...['1997-09-02T16:20:00', '1997-09-02T16:40:00', '1997-09-03T09:00:00'],
    ],
    { start: '1997-09-02T09:00:00' },
  ),
  rule('the 31st', 'FREQ=MONTHLY;COUNT=4', ['2025-01-31', '2025-03-31', '2025-05-31', '2025-07-31'], {
    until: '2026-01-01',
  }),
  rule('the last day', 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3', ['2024-01-31', '2024-02-29', '2024-03-31'], {
    until: '2026-01-01',
  }),
  rule('the last Friday', 'FREQ=MONTHLY;BYDAY=-1FR;COUNT=3', ['2025-01-31', '2025-02-28', '2025-03-28'], {
    until: '2026-01-01',
  }),
  rule('the fifth Wednesday', 'FREQ=MONTHLY;BYDAY=5WE;COUNT=3', ['2025-01-29', '2025-04-30', '2025-07-30'], {
    until: '2026-01-01',
  }),
  rule(
    'the last working day',
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3',
    [...['2025-05-30', '2025-06-30', '2025-07-31']],
    { until: '2026-01-01' },
  ),
  rule(
    'a leap day comes every four years, and not in 2100',
    'FREQ=YEARLY',
    [...['2088-02-29', '2092-02-29', '2096-02-29', '2104-02-29']],
    { until: '2107-01-01' },
  ),
  rule('the 366th day', 'FREQ=YEARLY;BYYEARDAY=366', ['2024-12-31', '2028-12-31'], { until: '2030-01-01' }),
  rule('the last day of the year by its number', 'FREQ=YEARLY;BYYEARDAY=-1', ['2024-12-31', '2025-12-31'], {
    until: '2026-06-01',
  }),
  rule(
    'week 1 begins in December',
    'FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO',
    ['2024-01-01', '2024-12-30', '2025-12-29'],
    {
      until: '2026-12-31',
    },
  ),
  rule('week 53 is rare', 'FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH', ['2015-12-31', '2020-12-31', '2026-12-31'], {
    until: '2031-01-01',
  }),
  rule('the last week', 'FREQ=YEARLY;BYWEEKNO=-1;BYDAY=WE', ['2024-12-25', '2025-12-24', '2026-12-30'], {
    until: '2027-06-01',
  }),
  rule(
    'BYWEEKNO alone takes the weekday of DTSTART',
    'FREQ=YEARLY;BYWEEKNO=20',
    ['2025-05-14', '2026-05-13'],
    {
      until: '2027-01-01',
    },
  ),
  rule(
    'yearly on the 15th of every month',
    'FREQ=YEARLY;BYMONTHDAY=15;COUNT=3',
    [...['2025-01-15', '2025-02-15', '2025-03-15']],
    { until: '2026-01-01' },
  ),
  rule(
    'yearly on the last Thursday of November',
    'FREQ=YEARLY;BYMONTH=11;BYDAY=-1TH',
    ['2025-11-27', '2026-11-26'],
    {
      until: '2027-01-01',
    },
  ),
  rule(
    'weekly, the last of the days',
    'FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1;COUNT=2',
    ['2025-06-06', '2025-06-13'],
    {
      until: '2026-01-01',
    },
  ),
  rule(
    'daily, the second of the hours',
    'FREQ=DAILY;BYHOUR=9,15,18;BYSETPOS=2;COUNT=2',
    [...['2025-06-02T15:00:00', '2025-06-03T15:00:00']],
    { start: '2025-06-02T15:00:00', until: '2026-01-01' },
  ),
  rule(
    'every seventh day, if it is a Tuesday',
    'FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=2',
    ['2025-06-03', '2025-06-10'],
    {
      until: '2026-01-01',
    },
  ),
  rule(
    'weekly with an ordinal reads as every',
    'FREQ=WEEKLY;BYDAY=2MO;COUNT=2',
    ['2025-06-02', '2025-06-09'],
    {
      until: '2026-01-01',
    },
  ),
  rule('INTERVAL=0 reads as 1', 'FREQ=DAILY;INTERVAL=0;COUNT=2', ['2025-06-02', '2025-06-03'], {
    until: '2026-01-01',
  }),
  rule(
    'a leap second is the second before',
    'FREQ=MINUTELY;BYSECOND=60;COUNT=2',
    [...['2025-06-02T09:00:59', '2025-06-02T09:01:59']],
    { start: '2025-06-02T09:00:59', until: '2026-01-01' },
  ),
  rule('all-day ignores BYHOUR', 'FREQ=DAILY;BYHOUR=9,12;COUNT=2', ['2025-06-02', '2025-06-03'], {
    start: '2025-06-02',
    until: '2026-01-01',
  }),
];
