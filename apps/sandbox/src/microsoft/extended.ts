/**
 * Extended properties: written with the event, not echoed, read by `$expand`, found by `$filter`. The name part of an
 * id counts with its case, the value does not.
 * https://learn.microsoft.com/graph/api/resources/extended-properties-overview
 */
import type { EventContent } from './content.ts';

const EXPAND = /singleValueExtendedProperties\(\s*\$filter\s*=\s*(?<filter>[^)]*)\)/;
const BY_ID = /\bid\s+eq\s+'((?:[^']|'')*)'/g;

/** @param expand the `$expand` of the request */
export function extendedOf(content: EventContent, expand: string): Record<string, unknown> {
  const filter = EXPAND.exec(expand)?.groups?.filter;
  if (filter === undefined) return {};
  const wanted = [...filter.matchAll(BY_ID)].map(([, id = '']) => id.replaceAll("''", "'"));
  const found = content.extended.filter(({ id }) => wanted.includes(id));
  return found.length === 0 ? {} : { singleValueExtendedProperties: found };
}

export const hasExtended = (content: EventContent, wanted: { id: string; value: string }): boolean =>
  content.extended.some(
    ({ id, value }) => id === wanted.id && value.toLowerCase() === wanted.value.toLowerCase(),
  );
