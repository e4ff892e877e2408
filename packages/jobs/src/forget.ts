/** Takes out of the queues what names somebody who is gone: jobs that wait, and those that were kept because they failed. */
import type { Queue } from 'bullmq';

/** Those that run end by themselves, and those that are done are not kept. */
const kept = ['wait', 'prioritized', 'delayed', 'failed'] as const;
/** Looked at in one go … */
const pageSize = 1_000;
/** … and per state: more than that is the backlog of a whole fleet, and each of its jobs ends when it finds no row. */
const pagesMax = 100;

/** @param ids of accounts, calendars and watches. @returns how many jobs went */
export async function forgetIn(queue: Queue, ids: ReadonlySet<string>): Promise<number> {
  let gone = 0;
  for (const state of kept) {
    const found = [];
    for (let page = 0; page < pagesMax; page += 1) {
      const jobs = await queue.getJobs([state], page * pageSize, (page + 1) * pageSize - 1);
      // A job that ended while the page was read is not there.
      found.push(
        ...jobs.filter((job) => job as typeof job | undefined).filter(({ data }) => names(data, ids)),
      );
      if (jobs.length < pageSize) break;
    }
    for (const job of found) {
      // One that has just begun is locked, and ends by itself.
      gone += await job.remove().then(
        () => 1,
        () => 0,
      );
    }
  }
  return gone;
}

const names = (payload: unknown, ids: ReadonlySet<string>): boolean =>
  typeof payload === 'object' &&
  payload !== null &&
  Object.values(payload).some((value) => typeof value === 'string' && ids.has(value));
