/**
 * Sync tokens and page tokens: opaque to clients, self-contained for us. A checksum tells a token of ours from a
 * malformed one (400); what it says decides whether it has expired (410).
 */
import { z } from 'zod';
import { hash32 } from '../random.ts';

const syncPayload = z.object({
  calendar: z.string(),
  email: z.string(),
  /** Everything changed after this sequence number is news. */
  seq: z.number(),
  calendarEpoch: z.number(),
  entryEpoch: z.number(),
  issuedAtMs: z.number(),
  singleEvents: z.boolean(),
  /** The window of the first list; used by the `windowed` quirk only. */
  timeMin: z.string().optional(),
  timeMax: z.string().optional(),
});

export type SyncPayload = z.infer<typeof syncPayload>;

const pagePayload = z.object({
  /** Fingerprint of the whole query but the page token itself. */
  query: z.string(),
  epoch: z.number(),
  /** Where to go on: see `Cursor`. */
  at: z.number(),
  skip: z.number(),
  partial: z.number(),
  /** Number of the page this token asks for; the first page of a round is 1. */
  page: z.number(),
  /** The change sequence at the round's first page: what changes later belongs to the next round. */
  roundSeq: z.number(),
  /** Number of events at the round's first page. */
  roundSize: z.number(),
});

export type PagePayload = z.infer<typeof pagePayload>;

export const encodeSyncToken = (payload: SyncPayload): string => encode('s', payload);
export const encodePageToken = (payload: PagePayload): string => encode('p', payload);

/** @returns undefined for anything that is not a token of this kind. */
export function decodeSyncToken(token: string): SyncPayload | undefined {
  return syncPayload.safeParse(decode('s', token)).data;
}

export function decodePageToken(token: string): PagePayload | undefined {
  return pagePayload.safeParse(decode('p', token)).data;
}

function encode(kind: 's' | 'p', payload: unknown): string {
  const text = JSON.stringify(payload);
  const sum = hash32(kind + text).toString(36);
  return `C${kind}${Buffer.from(`${sum}.${text}`).toString('base64url')}`;
}

function decode(kind: 's' | 'p', token: string): unknown {
  if (!token.startsWith(`C${kind}`)) return undefined;
  const plain = Buffer.from(token.slice(2), 'base64url').toString();
  const dot = plain.indexOf('.');
  const text = plain.slice(dot + 1);
  if (hash32(kind + text).toString(36) !== plain.slice(0, dot)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
