import { isBadRow, isDatabaseUnavailable, sqlStateOf } from './failures.ts';

const withCode = (code: string): Error => Object.assign(new Error('failed'), { code });

test.each([
  ['of the driver', withCode('22008'), '22008'],
  [
    'of Prisma around it',
    Object.assign(new Error('raw query failed'), { code: 'P2010', meta: { code: '54000' } }),
    '54000',
  ],
  ['of a cause', new Error('outside', { cause: withCode('57P01') }), '57P01'],
  ['not of a socket', withCode('EPIPE'), null],
  ['not of Prisma itself', withCode('P2028'), null],
  ['not of nothing', undefined, null],
])('the SQLSTATE %s is read', (_name, error, state) => {
  expect(sqlStateOf(error)).toBe(state);
});

test.each(['22008', '22021', '21000', '23502', '23505', '23514', '54000'])('%s is a bad row', (state) => {
  expect(isBadRow(withCode(state))).toBe(true);
});

test.each(['23503', '40001', '42601', '57P01'])('%s is no bad row', (state) => {
  expect(isBadRow(withCode(state))).toBe(false);
});

test.each([
  withCode('57P01'),
  withCode('08006'),
  withCode('53300'),
  withCode('40P01'),
  new Error('timeout exceeded when trying to connect'),
  new Error('Connection terminated unexpectedly'),
  new Error('connect ECONNREFUSED 127.0.0.1:5432'),
  new Error('write EPIPE'),
])('%s: the database is away', (error) => {
  expect(isDatabaseUnavailable(error)).toBe(true);
});

test.each([withCode('57014'), withCode('25P03'), withCode('22008'), new Error('Transaction already closed')])(
  '%s: the work itself is wrong, or too slow',
  (error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  },
);
