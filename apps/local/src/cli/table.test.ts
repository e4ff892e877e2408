import { table } from './table.ts';

test('columns are as wide as their widest cell, and what is missing is a dash', () => {
  const rows = [
    ['one', 1, null],
    ['longer', 20, new Date('2026-01-02T03:04:05.678Z')],
  ];
  expect(table(['name', 'n', 'at'], rows).split('\n')).toEqual([
    'name    n   at',
    'one     1   -',
    'longer  20  2026-01-02T03:04:05Z',
  ]);
});

test("a calendar's name cannot steer the operator's terminal", () => {
  expect(table(['name'], [['\u001b[2J\u202egone']])).toBe('name\n [2J gone');
});
