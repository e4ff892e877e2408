/** Runs the load program against a target, in a process of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Child } from './child.ts';
import type { Ground } from './ground.ts';

export interface LoadFigures {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  longestMs: number;
}

/**
 * @param load.texts whole requests, sent in turn
 * @throws when one is not answered with 200 or 202
 */
export async function loadNotifications(
  ground: Ground,
  target: Child,
  load: { connections: number; requests: number; texts: readonly string[] },
): Promise<LoadFigures> {
  const file = join(ground.folder, 'load.json');
  const port = Number(new URL(target.listening).port);
  await writeFile(file, JSON.stringify({ port, ...load }));
  const child = await ground.start('notification-load');
  const done = new Promise<Record<string, unknown>>((resolve) => {
    child.onLine((line) => line['done'] === true && resolve(line));
  });
  child.send(file);
  const died = child.exited.then(() => {
    throw new Error('The load ended without a word.');
  });
  const { ms, answered, p50Ms, p99Ms, longestMs } = await Promise.race([done, died]);
  died.catch(() => undefined);
  await child.stop();
  if (answered !== load.requests) {
    throw new Error(`${String(answered)} of ${load.requests} notifications were accepted.`);
  }
  return {
    perSecond: (load.requests * 1_000) / Number(ms),
    p50Ms: Number(p50Ms),
    p99Ms: Number(p99Ms),
    longestMs: Number(longestMs),
  };
}
