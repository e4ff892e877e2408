/** The little of `$filter` that calendar clients use; anything else is 400, as an unsupported filter is at Graph. */
import { badRequest } from './errors.ts';
import { hasExtended } from './extended.ts';
import { contentOf, type Instance } from './item.ts';
import { readInstant } from './times.ts';

export type EventFilter = (instance: Instance, iCalUId: () => string) => boolean;

const EXTENDED =
  /^singleValueExtendedProperties\/any\(\s*(\w+)\s*:\s*\1\/id\s+eq\s+'((?:[^']|'')*)'\s+and\s+\1\/value\s+eq\s+'((?:[^']|'')*)'\s*\)/i;
const EQUALS = /^(subject|iCalUId)\s+eq\s+'((?:[^']|'')*)'/i;
const EDGE = /^(start|end)\/dateTime\s+(eq|ge|gt|le|lt)\s+'([^']*)'/i;

/** @throws GraphError 400 */
export function readFilter(text: string | undefined): EventFilter {
  const tests: EventFilter[] = [];
  let rest = (text ?? '').trim();
  while (rest !== '') {
    const [test, length] = readTerm(rest);
    tests.push(test);
    rest = rest.slice(length).trim();
    if (rest === '') break;
    if (!/^and\s/i.test(rest)) throw unsupported();
    rest = rest.slice(3).trim();
  }
  return (instance, iCalUId) => tests.every((test) => test(instance, iCalUId));
}

function readTerm(text: string): [EventFilter, number] {
  const extended = EXTENDED.exec(text);
  if (extended !== null) {
    const wanted = { id: unquoted(extended[2]), value: unquoted(extended[3]) };
    return [(instance) => hasExtended(contentOf(instance), wanted), extended[0].length];
  }
  const equals = EQUALS.exec(text);
  if (equals !== null) {
    const wanted = unquoted(equals[2]);
    const isSubject = equals[1]?.toLowerCase() === 'subject';
    return [
      (instance, iCalUId) => (isSubject ? contentOf(instance).subject : iCalUId()) === wanted,
      equals[0].length,
    ];
  }
  const edge = EDGE.exec(text);
  const ms = edge === null ? undefined : readInstant(edge[3] ?? '');
  if (edge === null || ms === undefined) throw unsupported();
  return [byEdge(edge[1] === 'end' ? 'endMs' : 'startMs', edge[2] ?? '', ms), edge[0].length];
}

function byEdge(edge: 'startMs' | 'endMs', comparison: string, ms: number): EventFilter {
  switch (comparison.toLowerCase()) {
    case 'ge':
      return (instance) => instance[edge] >= ms;
    case 'gt':
      return (instance) => instance[edge] > ms;
    case 'le':
      return (instance) => instance[edge] <= ms;
    case 'lt':
      return (instance) => instance[edge] < ms;
    default:
      return (instance) => instance[edge] === ms;
  }
}

const unquoted = (text: string | undefined): string => (text ?? '').replaceAll("''", "'");

const unsupported = () => badRequest('The query filter is not supported.', 'ErrorInvalidUrlQueryFilter');
