/** Settles like the promise, or rejects after `ms` and lets it go on unobserved. */
export async function within<Result>(ms: number, promise: Promise<Result>, late: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms);
  });
  // Whichever loses may still reject; nobody is listening then, and that is right.
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

interface Closable {
  close(): Promise<void>;
  disconnect(): Promise<void>;
}

/** Closes politely, or by cutting the connection: a polite close waits for a Redis that may never come back. */
export async function closeWithin(ms: number, closable: Closable): Promise<void> {
  try {
    await within(ms, closable.close(), 'Not closed in time');
  } catch {
    // Not awaited: BullMQ waits for an event that a connection which is just reconnecting never sends.
    closable.disconnect().catch(() => undefined);
  }
}
