/**
 * Tokens of nextLinks and deltaLinks: opaque to clients, self-contained for us. They carry the window and how far the
 * round has come; a checksum tells one of ours from a malformed one.
 */
import { z } from 'zod';
import { hash32 } from '../random.ts';

const chain = {
  folder: z.string(),
  startMs: z.number(),
  endMs: z.number(),
  /** Everything changed after this change number is news; null: everything that is there is. */
  since: z.number().nullable(),
  /** Change numbers at the starts of the last rounds, oldest first: what lagging deltas go by. */
  history: z.array(z.number()),
  /** Of the mailbox. */
  generation: z.number(),
  epoch: z.number(),
};

const deltaPayload = z.object({ kind: z.literal('delta'), ...chain });

const pagePayload = z.object({
  kind: z.literal('page'),
  ...chain,
  /** What changes later belongs to the next round. */
  until: z.number(),
  /** Items of the folder at the round's start. */
  size: z.number(),
  /** Where to go on: an ordinal in a full round, a change number in a delta. */
  at: z.number(),
  /** Instances of the series at that place that earlier pages have shown. */
  offset: z.number(),
  /** Number of the page this token asks for; the first of a round is 1. */
  page: z.number(),
  /** How often this page has been shown already. */
  loops: z.number(),
  /** The page size of the request that made this link. */
  asked: z.number(),
});

export type DeltaPayload = z.infer<typeof deltaPayload>;
export type PagePayload = z.infer<typeof pagePayload>;

/** Shaped like the samples seen: a long text of the URL alphabet with a suffix behind a dot. */
export function encodeToken(payload: DeltaPayload | PagePayload): string {
  const text = JSON.stringify(payload);
  return `${Buffer.from(text).toString('base64url')}.${hash32(text).toString(36)}`;
}

/** @returns undefined for anything that is not a token of this kind. */
export const decodeDeltaToken = (token: string): DeltaPayload | undefined =>
  deltaPayload.safeParse(decode(token)).data;

export const decodePageToken = (token: string): PagePayload | undefined =>
  pagePayload.safeParse(decode(token)).data;

function decode(token: string): unknown {
  const [encoded = '', sum] = token.split('.');
  const text = Buffer.from(encoded, 'base64url').toString();
  if (hash32(text).toString(36) !== sum) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
