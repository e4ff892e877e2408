/**
 * A place in the change feed, as clients keep it: `<feed epoch>.<xid>.<seq>.<seconds>`, opaque to them. The seconds
 * say when the place was current, so that one which outlived its rows is refused instead of skipping them.
 */
import type { api } from '@calfleet/db';

export interface FeedCursor {
  epoch: string;
  position: api.FeedPosition;
  /** Rows after this place were written at this time or later. */
  at: Date;
}

export const writeFeedCursor = ({ epoch, position, at }: FeedCursor): string =>
  `${epoch}.${position.xid}.${position.seq}.${Math.floor(at.getTime() / 1000)}`;

/** Everything visible in the snapshot lies before it; everything that was still running comes after. */
export const cursorOf = (feed: api.FeedState, at: Date): FeedCursor => ({
  epoch: feed.epoch,
  position: { xid: feed.horizon, seq: 0n },
  at,
});

const int8Max = 9_223_372_036_854_775_807n;

/** null when the text is no cursor. */
export function readFeedCursor(text: string): FeedCursor | null {
  const match = /^([\w-]{1,64})\.(\d{1,19})\.(\d{1,19})\.(\d{1,11})$/.exec(text);
  if (!match) return null;
  const [, epoch = '', xid = '', seq = '', seconds = ''] = match;
  const position = { xid: BigInt(xid), seq: BigInt(seq) };
  if (position.xid > int8Max || position.seq > int8Max) return null;
  return { epoch, position, at: new Date(Number(seconds) * 1000) };
}
