import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlreadyRunning, takeLock } from './folder-lock.ts';

let directory: string;
const place = () => ({ directory, service: 'Postgres', folder: '/somewhere/.calfleet' });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'calfleet-lock-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('a second taker is told who holds the folder, until it is given back', async () => {
  const release = await takeLock(place());
  const refusal = await takeLock(place()).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(AlreadyRunning);
  expect(refusal).toMatchObject({ pid: process.pid, folder: '/somewhere/.calfleet' });
  expect((refusal as Error).message).toContain(`process ${process.pid}`);
  await release();
  await (
    await takeLock(place())
  )();
  expect(await readdir(directory)).toEqual([]);
});

test.each([
  ['of a process long gone', JSON.stringify({ pid: process.pid, startedAt: 'another-boot:1' })],
  ['that is damaged', '{"pid":'],
])('a lock %s keeps nobody out', async (_name, content) => {
  await writeFile(join(directory, 'lock-1.json'), content);
  const release = await takeLock(place());
  await expect(takeLock(place())).rejects.toBeInstanceOf(AlreadyRunning);
  await release();
  expect(await readdir(directory)).toEqual([]);
});

test('of many takers at once exactly one wins, whatever dead locks lie there', async () => {
  for (let round = 0; round < 20; round++) {
    if (round % 2 === 0) {
      const dead = JSON.stringify({ pid: 999_999, startedAt: 'another-boot:1' });
      await writeFile(join(directory, 'lock-1.json'), dead);
    }
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => takeLock(place())));
    const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    await winners[0]?.value();
  }
  expect(await readdir(directory)).toEqual([]);
});
