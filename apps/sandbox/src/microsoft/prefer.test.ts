import { parsePrefer } from './prefer.ts';

it('reads several values, with and without quotes, in any case', () => {
  const header =
    'IdType="ImmutableId", odata.maxpagesize=50, Outlook.TimeZone="E. Africa Standard Time",outlook.body-content-type=text';
  expect(parsePrefer(header)).toEqual({
    immutableIds: true,
    maxPageSize: 50,
    timeZone: 'E. Africa Standard Time',
    bodyType: 'text',
    applied: [
      'IdType="ImmutableId"',
      'odata.maxpagesize=50',
      'Outlook.TimeZone="E. Africa Standard Time"',
      'outlook.body-content-type=text',
    ],
  });
});

it.each(['', 'return=minimal', 'odata.maxpagesize=0', 'odata.maxpagesize=many', 'IdType="Other"'])(
  'applies nothing of "%s"',
  (header) => {
    expect(parsePrefer(header)).toMatchObject({ immutableIds: false, maxPageSize: null, applied: [] });
  },
);
