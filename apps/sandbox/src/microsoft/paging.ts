/** `$top`, `$skip` and nextLinks of plain lists, and `$select`. */
import type { GraphCall, SignedCall } from './call.ts';
import { badRequest, invalidParameter } from './errors.ts';

/** The most that `$top` may ask for. */
const TOP_MAX = 1000;

/** @throws GraphError 400 */
export function readTop(call: SignedCall, fallback: number): number {
  const text = call.params.get('$top');
  if (text === undefined) return Math.min(call.prefer.maxPageSize ?? fallback, TOP_MAX);
  const top = Number(text);
  if (!Number.isInteger(top) || top < 1 || top > TOP_MAX) {
    throw invalidParameter(`Invalid value '${text.slice(0, 40)}' for $top. It has to be 1 to ${TOP_MAX}.`);
  }
  return top;
}

/** @throws GraphError 400 */
export function readSkip({ params }: SignedCall): number {
  const skip = Number(params.get('$skip') ?? 0);
  if (!Number.isInteger(skip) || skip < 0) throw invalidParameter('Invalid value for $skip.');
  return skip;
}

/** The same request further on: its path and query with another `$skip`. */
export function nextLink(call: GraphCall, path: string, skip: number): string {
  const query = call.params.entries().filter(([name]) => name.toLowerCase() !== '$skip');
  const text = [...query, ['$skip', String(skip)] as const]
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  return `${call.rootUrl}/${path}?${text}`;
}

/** @returns the properties asked for; null: all. @throws GraphError 400 for one that events do not have */
export function readSelect({ params }: SignedCall): string[] | null {
  const text = params.get('$select');
  if (text === undefined || text === '') return null;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !/^[A-Za-z]\w*$/.test(name));
  if (unknown !== undefined) throw badRequest(`Term '${unknown.slice(0, 40)}' is not valid in a $select.`);
  return names;
}

/** The etag and the id come along whatever was selected. */
export function selected(
  shown: Record<string, unknown>,
  names: readonly string[] | null,
): Record<string, unknown> {
  if (names === null) return shown;
  const wanted = new Set([...names, 'id']);
  return Object.fromEntries(
    Object.entries(shown).filter(([name]) => name.startsWith('@odata.') || wanted.has(name)),
  );
}
