/** What the providers know of channels: who was heard when, whatever our rows say. */
import type { Sandbox } from '@calfleet/sandbox';

export interface Life {
  fromMs: number;
  untilMs: number;
}

/** Lives of all channels there ever were, by calendar. */
export function channelLives({ push, microsoft }: Sandbox): {
  google: Map<string, Life[]>;
  microsoft: Map<string, Life[]>;
} {
  const google = new Map<string, Life[]>();
  for (const { calendarId, openedAtMs, stoppedAtMs, expiresAtMs } of push.channels.all()) {
    put(google, calendarId, { fromMs: openedAtMs, untilMs: Math.min(stoppedAtMs ?? Infinity, expiresAtMs) });
  }
  const graph = new Map<string, Life[]>();
  for (const { mailbox, resource, createdAt, endedAt, expiresAt } of microsoft.subscriptions.report()) {
    const untilMs = Math.min(endedAt === null ? Infinity : Date.parse(endedAt), Date.parse(expiresAt));
    put(graph, `${mailbox} ${resource}`, { fromMs: Date.parse(createdAt), untilMs });
  }
  return { google, microsoft: graph };
}

const put = (lives: Map<string, Life[]>, name: string, life: Life): void =>
  void lives.set(name, [...(lives.get(name) ?? []), life]);

/** Times within the span, from the first life on, in which no channel lived. */
export function gaps(lives: readonly Life[], untilMs: number): Life[] {
  const sorted = [...lives].sort((a, b) => a.fromMs - b.fromMs);
  const found: Life[] = [];
  let heardUntil = sorted[0]?.fromMs ?? -Infinity;
  for (const life of sorted) {
    if (life.fromMs > heardUntil) found.push({ fromMs: heardUntil, untilMs: Math.min(life.fromMs, untilMs) });
    heardUntil = Math.max(heardUntil, life.untilMs);
  }
  if (heardUntil < untilMs) found.push({ fromMs: heardUntil, untilMs });
  return found;
}

/** Channels that live at an instant, over all calendars. */
export const livingAt = (lives: ReadonlyMap<string, readonly Life[]>, atMs: number): number =>
  [...lives.values()].flat().filter((life) => life.fromMs <= atMs && atMs < life.untilMs).length;
