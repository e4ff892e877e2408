/** The caller's mistake, in one line that names the option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
