/**
 * Partial responses: `fields=items(id,status),nextPageToken`. A mask that does not name the tokens hides them.
 * https://developers.google.com/workspace/calendar/api/guides/performance#partial-response
 */
import { invalidParameter } from './errors.ts';

export type Mask = Map<string, Mask | null>;

/** @returns null when there is no mask, or one that names everything. */
export function readMask(text: string | null): Mask | null {
  if (text === null || text === '' || text === '*') return null;
  const reader = { text, at: 0 };
  const mask = readGroup(reader);
  if (reader.at !== text.length) throw invalidParameter('fields', 'Invalid field selection');
  return mask;
}

export function applyMask(value: unknown, mask: Mask): unknown {
  if (Array.isArray(value)) return value.map((item) => applyMask(item, mask));
  if (typeof value !== 'object' || value === null) return value;
  const shown: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const below = mask.has(name) ? mask.get(name) : mask.get('*');
    if (below !== undefined) shown[name] = below === null ? inner : applyMask(inner, below);
  }
  return shown;
}

function readGroup(reader: { text: string; at: number }): Mask {
  const mask: Mask = new Map();
  for (;;) {
    const name = /^[A-Za-z0-9_*]+/.exec(reader.text.slice(reader.at))?.[0];
    if (name === undefined) throw invalidParameter('fields', 'Invalid field selection');
    reader.at += name.length;
    mask.set(name, readBelow(reader));
    if (reader.text[reader.at] !== ',') return mask;
    reader.at += 1;
  }
}

function readBelow(reader: { text: string; at: number }): Mask | null {
  const mark = reader.text[reader.at];
  if (mark === '/') {
    reader.at += 1;
    const name = /^[A-Za-z0-9_*]+/.exec(reader.text.slice(reader.at))?.[0];
    if (name === undefined) throw invalidParameter('fields', 'Invalid field selection');
    reader.at += name.length;
    return new Map([[name, readBelow(reader)]]);
  }
  if (mark !== '(') return null;
  reader.at += 1;
  const mask = readGroup(reader);
  if (reader.text[reader.at] !== ')') throw invalidParameter('fields', 'Invalid field selection');
  reader.at += 1;
  return mask;
}
