/** Every operation of the document as a request that its owner may make, and the places of it that name somebody's things. */
import {
  httpMethods,
  type HttpMethod,
  type OpenApiDocument,
  type Operation,
} from '../description/open-api.ts';
import { prefix } from '../routes/index.ts';
import { bodyOf, parametersOf, sampleOf } from './samples.ts';
import type { Owned } from './everything.ts';

export interface AskedOperation {
  name: string;
  method: HttpMethod;
  /** As the document writes it. */
  path: string;
  operation: Operation;
  scope: 'app' | 'admin' | 'page' | 'none';
  /** Where it names a thing, and of which kind. */
  spots: readonly Spot[];
}

export interface Spot {
  in: 'path' | 'query' | 'body';
  name: string;
  room: keyof Owned;
}

export interface Request {
  method: string;
  path: string;
  body?: unknown;
}

/** Those that this server answers. */
export function operationsOf(document: OpenApiDocument): AskedOperation[] {
  return Object.entries(document.paths)
    .filter(([, { servers }]) => servers === undefined)
    .flatMap(([path, item]) =>
      httpMethods.flatMap((method) => {
        const operation = item[method];
        if (!operation) return [];
        const spots = spotsOf(document, path, operation);
        return [{ name: operation.operationId, method, path, operation, scope: scopeOf(operation), spots }];
      }),
    );
}

function scopeOf({ security }: Operation): AskedOperation['scope'] {
  const schemes = new Set(security.flatMap((each) => Object.keys(each)));
  if (schemes.has('apiKey')) return 'app';
  if (schemes.has('adminPassword')) return 'page';
  return schemes.has('adminKey') ? 'admin' : 'none';
}

/** `id` in the path is of the path's room; what ends in `_id` elsewhere says itself what it is of. */
function spotsOf(document: OpenApiDocument, path: string, operation: Operation): Spot[] {
  const ofPath: Spot[] = path.includes('{id}') ? [{ in: 'path', name: 'id', room: roomOf(path) }] : [];
  const queries = parametersOf(document, operation).flatMap((each) => (each.in === 'query' ? each.name : []));
  const fields = Object.keys(bodyOf(operation)?.properties ?? {});
  const named = (place: 'query' | 'body', names: string[]): Spot[] =>
    names
      .filter((name) => name.endsWith('_id'))
      .map((name) => ({ in: place, name, room: `${name.slice(0, -'_id'.length)}s` as keyof Owned }));
  return [...ofPath, ...named('query', queries), ...named('body', fields)];
}

const roomOf = (path: string): keyof Owned => path.slice(prefix.length + 1).split('/')[0] as keyof Owned;

/** @param idOf what stands in each spot; null leaves one out that may be left out */
export function requestOf(
  document: OpenApiDocument,
  { method, path, operation, spots }: AskedOperation,
  idOf: (spot: Spot) => string | null,
): Request {
  const query: Record<string, unknown> = {};
  let filled = path;
  for (const parameter of parametersOf(document, operation)) {
    const { name, in: place, required, schema } = parameter;
    if (place === 'header' || !required) continue;
    const value = sampleOf(document, schema);
    if (place === 'query') query[name] = value;
    else filled = filled.replace(`{${name}}`, name === 'id' ? '{id}' : String(value));
  }
  const schema = bodyOf(operation);
  const body = schema ? { ...(sampleOf(document, schema) as Record<string, unknown>) } : null;
  for (const spot of spots) {
    const id = idOf(spot);
    if (id === null) continue;
    if (spot.in === 'path') filled = filled.replace('{id}', id);
    else if (spot.in === 'query') query[spot.name] = id;
    else if (body) body[spot.name] = id;
  }
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return {
    method: method.toUpperCase(),
    path: search.size > 0 ? `${filled}?${search.toString()}` : filled,
    ...(body && { body }),
  };
}
