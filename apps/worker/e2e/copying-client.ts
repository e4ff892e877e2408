/**
 * A program of somebody else that keeps two calendars equal over the REST API: it follows both feeds and copies what it
 * finds to the other side. It compares nothing and knows no origin; all it has is a table of what belongs together.
 */
import { orThrow, type Shapes } from '@calfleet/client';
import { eventually } from '@calfleet/testkit';
import type { TwoWay } from './two-way-house.ts';

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
  const { client, house, calendarId } = side.of;
  await eventually(async () => {
    const query = { after: side.cursor, calendar_id: calendarId, limit: 500 };
    const page = await orThrow(client.GET('/changes', { params: { query } }));
    side.cursor = page.next_cursor;
    side.read += page.items.length;
    for (const { event_id: id } of page.items) if (id !== null) ids.add(id);
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
  const event = await orThrow(from.of.client.GET('/events/{id}', { params: { path: { id } } }));
  const partner = from.partners.get(id);
  const { client, calendarId } = to.of;
  const there = { params: { path: { id: partner ?? '' } } };
  if (event.deleted_at !== null) {
    return partner !== undefined && isWritten(await orThrow(client.DELETE('/events/{id}', there)));
  }
  const { summary, description, location, start, end, transparency } = event;
  if (!start || !end) throw new Error('An event has no times.');
  const body = { summary, description, location, start, end, transparency };
  if (partner !== undefined) {
    return isWritten(await orThrow(client.PATCH('/events/{id}', { ...there, body })));
  }
  const made = await orThrow(client.POST('/events', { body: { calendar_id: calendarId, ...body } }));
  from.partners.set(id, made.id);
  to.partners.set(made.id, id);
  return isWritten(made);
}

const isWritten = ({ write }: Shapes['WrittenEvent']): boolean => write !== null;
