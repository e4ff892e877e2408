/**
 * The highest memory of a real worker process that mirrors a calendar: it should follow the page, not the calendar.
 * The floor is the same worker with nothing to do.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Exit } from '../child.ts';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { plantAccount, plantCalendar, type PlantedAccount } from '../planting.ts';

/** The first is the aim; the others say how far it is. */
const oldSpacesMiB = [96, 112, 128, 160, 192, 256, 512];
const patienceMs = 300_000;

interface Peak {
  rssMiB: number;
  heapMiB: number;
  externalMiB: number;
  seconds: number;
}

export async function benchMemory(ground: Ground, store: Store): Promise<Figure[]> {
  const [few, many] = ground.quick ? [1_000, 10_000] : [5_000, 100_000];
  const idle = await peakOf(ground, store, { work: null, oldSpaceMiB: oldSpacesMiB[0] ?? 0 });
  const figures: Figure[] = [];
  for (const events of [few, many]) {
    const { peak, oldSpaceMiB } = await leastThatCompletes(ground, store, events);
    const size = events.toLocaleString('en-US');
    const [aim = 0] = oldSpacesMiB;
    const died =
      oldSpaceMiB > aim ? `, dies under ${oldSpacesMiB[oldSpacesMiB.indexOf(oldSpaceMiB) - 1]}` : '';
    figures.push({
      what: `peak worker memory, ${size} events`,
      ours: peak.rssMiB,
      unit: 'MiB',
      floor: idle.rssMiB,
      ratio: idle.rssMiB / peak.rssMiB,
      aim: { text: `completes under ${aim} MiB of heap`, met: oldSpaceMiB === aim },
      note:
        `resident; mirrored in ${peak.seconds.toFixed(1)} s under --max-old-space-size=${oldSpaceMiB}${died}, every event ` +
        `stored; heap at most ${peak.heapMiB.toFixed(0)}, external ${peak.externalMiB.toFixed(0)} MiB; floor: the same ` +
        `worker idle (heap ${idle.heapMiB.toFixed(0)} MiB)`,
    });
  }
  return figures;
}

async function leastThatCompletes(
  ground: Ground,
  store: Store,
  events: number,
): Promise<{ peak: Peak; oldSpaceMiB: number }> {
  for (const oldSpaceMiB of oldSpacesMiB) {
    const account = await plantAccount(ground, store, { listed: true });
    await plantCalendar(ground, store, account, events);
    try {
      return { peak: await peakOf(ground, store, { work: { account, events }, oldSpaceMiB }), oldSpaceMiB };
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      await store.admin.query('delete from calendar_accounts where id = $1', [account.id]);
    }
  }
  throw new Error(`No heap that was tried is enough for ${events} events.`);
}

class OutOfMemory extends Error {}

/** @throws OutOfMemory when the worker dies of it before every event is stored */
async function peakOf(
  ground: Ground,
  store: Store,
  { work, oldSpaceMiB }: { work: { account: PlantedAccount; events: number } | null; oldSpaceMiB: number },
): Promise<Peak> {
  const worker = await ground.start('worker', {
    nodeOptions: [`--max-old-space-size=${oldSpaceMiB}`, '--require', ground.programFile('memory-probe')],
    env: {
      ...ground.settings,
      REDIS_PREFIX: `{memory-${work?.account.id ?? 'idle'}}`,
      DATABASE_URL: store.url,
      LOG_LEVEL: 'info',
      WORKER_METRICS_PORT: '0',
      SCHEDULE_WEBHOOK_DRAIN: 'every 1s',
    },
  });
  let gone: Exit | null = null as Exit | null;
  void worker.exited.then((exit) => (gone = exit));
  const peak = new Promise<Omit<Peak, 'seconds'>>((resolve) => {
    worker.onLine((line) => line['peak'] && resolve(line['peak'] as Peak));
  });
  const startedAt = performance.now();
  const deadline = AbortSignal.timeout(patienceMs);
  while (work ? !(await isMirrored(store, work)) : performance.now() - startedAt < 3_000) {
    if (gone?.lastWords.includes('heap out of memory')) throw new OutOfMemory();
    if (gone) throw new Error(`The worker died: ${gone.lastWords}`);
    if (deadline.aborted) throw new Error(`The worker did not mirror ${work?.events ?? 0} events in time.`);
    await pause(100);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  await worker.stop();
  return { ...(await peak), seconds };
}

async function isMirrored(
  store: Store,
  { account, events }: { account: PlantedAccount; events: number },
): Promise<boolean> {
  const { rows } = await store.admin.query<{ active: boolean }>(
    `select state = 'active' as active from calendars where account_id = $1`,
    [account.id],
  );
  if (!rows.every(({ active }) => active)) return false;
  const counted = await store.admin.query<{ stored: number }>(
    'select count(*)::int as stored from calendar_events where user_id = $1 and deleted_at is null',
    [account.userId],
  );
  const stored = counted.rows[0]?.stored;
  if (stored !== events) throw new Error(`Active with ${stored} of ${events} events.`);
  return true;
}
