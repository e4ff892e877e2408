/** The open notification channels. An id is unique in the project for ever, also after its channel was closed. */
export interface Channel {
  readonly id: string;
  readonly resourceId: string;
  readonly resourceUri: string;
  readonly calendarId: string;
  readonly email: string;
  readonly clientId: string;
  readonly address: string;
  readonly token: string | null;
  readonly openedAtMs: number;
  expiresAtMs: number;
  stoppedAtMs: number | null;
  /** Of the last message; 1 is the sync message. */
  messageNumber: number;
}

export class Channels {
  private readonly byId = new Map<string, Channel>();
  private readonly byCalendar = new Map<string, Set<Channel>>();

  has(id: string): boolean {
    return this.byId.has(id);
  }

  get(id: string): Channel | undefined {
    return this.byId.get(id);
  }

  all(): Channel[] {
    return [...this.byId.values()];
  }

  open(channel: Channel): void {
    this.byId.set(channel.id, channel);
    const siblings = this.byCalendar.get(channel.calendarId) ?? new Set();
    this.byCalendar.set(channel.calendarId, siblings.add(channel));
  }

  /** Channels of a calendar that deliver now; a stopped one may go on for a while, as Google's do. */
  delivering(calendarId: string, nowMs: number, deliverAfterStopMs: number): Channel[] {
    const siblings = this.byCalendar.get(calendarId);
    if (siblings === undefined) return [];
    const delivering: Channel[] = [];
    for (const channel of siblings) {
      const isOver =
        channel.expiresAtMs <= nowMs ||
        (channel.stoppedAtMs !== null && channel.stoppedAtMs + deliverAfterStopMs <= nowMs);
      if (!isOver) delivering.push(channel);
      // Time can be set back, but a channel that is over stays over: nobody may rely on its return.
      else if (channel.stoppedAtMs === null || deliverAfterStopMs === 0) siblings.delete(channel);
    }
    return delivering;
  }

  clear(): void {
    this.byId.clear();
    this.byCalendar.clear();
  }
}
