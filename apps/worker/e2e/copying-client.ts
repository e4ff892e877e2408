/**
 * A program of somebody else that keeps two calendars equal over the REST API: it follows both feeds and copies what it
 * finds to the other side. It compares nothing and knows no origin; all it has is a table of what belongs together.
 */
import { eventually } from '@calfleet/testkit';
import type { Reply, TwoWay } from './two-way-house.ts';

const copied = ['summary', 'description', 'location', 'start', 'end', 'transparency'] as const;

interface Side {
  of: TwoWay;
  cursor: string;
  /** Feed rows that it has read. */
  read: number;
  /** What its events are called on the other side. */
  partners: Map<string, string>;
}

export interface CopyingClient {
  /** Copies what is new on both sides. @returns how many writes came of it */
  round(): Promise<number>;
}

export function createCopyingClient(one: TwoWay, other: TwoWay): CopyingClient {
  const sideOf = (of: TwoWay): Side => ({ of, cursor: 'start', read: 0, partners: new Map() });
  const [left, right] = [sideOf(one), sideOf(other)];
  return {
    round: async () => {
      let writes = 0;
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const) {
        for (const id of await changedIn(from)) writes += (await copy(id, from, to)) ? 1 : 0;
      }
      return writes;
    },
  };
}

/** Events that its feed names since the last time, each once. */
async function changedIn(side: Side): Promise<Set<string>> {
  const ids = new Set<string>();
  const { ask, house, calendarId } = side.of;
  await eventually(async () => {
    const { body } = await ask('GET', `/changes?after=${side.cursor}&calendar_id=${calendarId}&limit=500`);
    side.cursor = String(body['next_cursor']);
    side.read += body.items.length;
    for (const { event_id: id } of body.items) if (typeof id === 'string') ids.add(id);
    // Rows may be seen a moment after their commit: the feed has no gaps.
    const [row] = await house.db.transaction(
      { role: 'worker' },
      (tx) => tx.$queryRaw<{ all: number }[]>`
        select count(*)::int as all from calendar_changes where calendar_id = ${calendarId}::uuid`,
    );
    return side.read === row?.all;
  });
  return ids;
}

/** @returns whether something was written */
async function copy(id: string, from: Side, to: Side): Promise<boolean> {
  const { body: event } = await from.of.ask('GET', `/events/${id}`);
  const partner = from.partners.get(id);
  if (event['deleted_at'] !== null) {
    return partner !== undefined && isWritten(await to.of.ask('DELETE', `/events/${partner}`));
  }
  const fields = Object.fromEntries(copied.map((name) => [name, event[name]]));
  if (partner !== undefined) return isWritten(await to.of.ask('PATCH', `/events/${partner}`, fields));
  const made = await to.of.ask('POST', '/events', { calendar_id: to.of.calendarId, ...fields });
  from.partners.set(id, made.body.id);
  to.partners.set(made.body.id, id);
  return isWritten(made);
}

function isWritten({ status, body }: Reply): boolean {
  if (status !== 202) throw new Error(`A copy was answered with ${status} ${body.code}.`);
  return body['write'] !== null;
}
