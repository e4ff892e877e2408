/**
 * A plain timer inside the process: for what must go on although Redis forgot every schedule. Runs at once, then
 * again so long after the end of each run, never twice at a time.
 */
export interface Beat {
  /** Waits for a run in progress. */
  stop(): Promise<void>;
}

/** @param task may throw: `onError` is told and the beat goes on */
export function startBeat({
  everyMs,
  task,
  onError,
}: {
  everyMs: number;
  task: () => Promise<void>;
  onError: (error: unknown) => void;
}): Beat {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const run = async (): Promise<void> => {
    await task().catch(onError);
    if (!isStopped) timer = setTimeout(() => (running = run()), everyMs);
  };
  let running = run();
  return {
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
