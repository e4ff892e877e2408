/**
 * The sliding window of Google's per-minute quotas, in sandbox time. Refused requests do not count.
 * https://developers.google.com/workspace/calendar/api/guides/quota
 */
const WINDOW_MS = 60_000;

export class Quota {
  private readonly spent = new Map<string, { atMs: number; units: number }[]>();

  /** Takes units from a purse, or refuses because the last minute already took the limit. */
  take(request: { purse: string; units: number; limit: number | null; nowMs: number }): boolean {
    const { purse, units, limit, nowMs } = request;
    if (limit === null) return true;
    const recent = (this.spent.get(purse) ?? []).filter((entry) => entry.atMs > nowMs - WINDOW_MS);
    const used = recent.reduce((sum, entry) => sum + entry.units, 0);
    this.spent.set(purse, recent);
    if (used + units > limit) return false;
    recent.push({ atMs: nowMs, units });
    return true;
  }

  clear(): void {
    this.spent.clear();
  }
}
