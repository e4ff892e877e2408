/** What Postgres meant when it failed, whatever wrapped it. */

/** Five digits or capitals with a digit among them: EPIPE is none. */
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;

/** The SQLSTATE of a failure, or null. */
export function sqlStateOf(error: unknown): string | null {
  for (let cause = error, depth = 0; isRecord(cause) && depth < 5; depth += 1) {
    for (const code of [cause['originalCode'], cause['code']]) {
      if (typeof code === 'string' && sqlState.test(code) && !/^P\d{4}$/.test(code)) return code;
    }
    const meta = cause['meta'];
    if (isRecord(meta)) {
      const inner: unknown = meta['driverAdapterError'] ?? meta;
      if (isRecord(inner) && typeof inner['code'] === 'string' && sqlState.test(inner['code'])) {
        return inner['code'];
      }
      if (isRecord(meta['driverAdapterError'])) {
        cause = meta['driverAdapterError'];
        continue;
      }
    }
    cause = cause['cause'];
  }
  return null;
}

/** One bad row among good ones: worth finding it by halving. Duplicates, bad data and what is too large for an index. */
export function isBadRow(error: unknown): boolean {
  const state = sqlStateOf(error);
  return (
    state !== null &&
    (state.startsWith('22') || state.startsWith('54') || ['21000', '23502', '23505', '23514'].includes(state))
  );
}

/** The server is away, going away or out of connections: nothing is wrong with the work, try it again later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== null)
    return (
      state.startsWith('08') ||
      state.startsWith('57P') ||
      state.startsWith('53') ||
      ['40001', '40P01', '55P03'].includes(state)
    );
  const text = error instanceof Error ? `${error.name} ${error.message}` : '';
  return /P1001|P1002|P1008|P1017|P2024|ECONNREFUSED|ECONNRESET|EPIPE|Connection terminated|connection timeout|Can't reach database|timeout exceeded when trying to connect|Unable to start a transaction|server closed the connection|Client was closed|not queryable/i.test(
    text,
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
