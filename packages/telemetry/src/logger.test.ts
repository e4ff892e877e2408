import { Writable } from 'node:stream';
import { createLogger, type LogLevel } from './index.ts';

function capture(level: LogLevel) {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { lines, logger: createLogger({ service: 'test', level, destination }) };
}

test('a line carries its context, its facts and its service', () => {
  const { lines, logger } = capture('info');
  logger.child({ job_id: '7' }).child({ calendar_id: 'c' }).info('pulled', { pages: 2 });
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'info',
      service: 'test',
      message: 'pulled',
      job_id: '7',
      calendar_id: 'c',
      pages: 2,
    }),
  ]);
  expect(Date.parse(String(lines[0]?.['time']))).not.toBeNaN();
});

test('less urgent lines are not written', () => {
  const { lines, logger } = capture('warn');
  logger.info('no');
  logger.warn('yes');
  expect(lines.map(({ message }) => message)).toEqual(['yes']);
});

test('secrets are gone wherever they stand', () => {
  const { lines, logger } = capture('info');
  logger.child({ authorization: 'Bearer one-secret' }).error('failed with demo-refresh-two-secret', {
    error: new Error('1//three-secret'),
    list: ['ya29.four-secret'],
  });
  expect(lines).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toContain('-secret');
});

test('a fact cannot pose as the line itself', () => {
  const { lines, logger } = capture('info');
  logger.info('true', { message: 'forged', level: 'error', service: 'other' });
  expect(lines[0]).toMatchObject({ message: 'true', level: 'info', service: 'test', fact_message: 'forged' });
});
