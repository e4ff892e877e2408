/** The smallest valid value that a schema of the document describes: its first example, else what is required. */
import type { OpenApiDocument, Operation, Parameter } from '../description/open-api.ts';
import type { JsonSchema } from '../description/schemas.ts';

export function sampleOf(document: OpenApiDocument, given: JsonSchema): unknown {
  const schema = resolved(document, given);
  const [example] = Array.isArray(schema.examples) ? schema.examples : [];
  if (example !== undefined) return example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [choice] = (schema.anyOf ?? schema.oneOf ?? []).filter(({ type }) => type !== 'null');
  if (choice) return sampleOf(document, choice);
  switch (schema.type) {
    case 'object': {
      const required = new Set(schema.required);
      const members = Object.entries(schema.properties ?? {}).filter(([name]) => required.has(name));
      return Object.fromEntries(
        members.map(([name, member]) => [name, sampleOf(document, member as JsonSchema)]),
      );
    }
    case 'array':
      return [];
    case 'boolean':
      return true;
    case 'integer':
      return schema.minimum ?? 0;
    default:
      return textOf(schema);
  }
}

const texts: Record<string, string> = {
  uuid: '0190a0a0-0000-7000-8000-000000000000',
  date: '2026-11-24',
  'date-time': '2026-11-24T09:00:00Z',
  email: 'ada@example.test',
};

const textOf = ({ format, minLength = 1 }: JsonSchema): string =>
  texts[format ?? ''] ?? 'x'.repeat(minLength);

/** What is referred to, where something is. */
export function resolved(document: OpenApiDocument, schema: JsonSchema): JsonSchema {
  const { $ref } = schema;
  if ($ref === undefined) return schema;
  const found = document.components.schemas[$ref.slice($ref.lastIndexOf('/') + 1)];
  if (!found) throw new Error(`There is no ${$ref}.`);
  return found;
}

export const parametersOf = (document: OpenApiDocument, { parameters = [] }: Operation): Parameter[] =>
  parameters.map((each) => {
    if (!('$ref' in each)) return each;
    const found = document.components.parameters[each.$ref.slice(each.$ref.lastIndexOf('/') + 1)];
    if (!found) throw new Error(`There is no ${each.$ref}.`);
    return found;
  });

/** Of a JSON body; null when none is read. */
export const bodyOf = ({ requestBody }: Operation): JsonSchema | null =>
  requestBody?.content['application/json']?.schema ?? null;

/** An object somewhere in a body. */
export interface Place {
  /** With dots; empty: the body itself. */
  path: string;
  /** Members that it may have. */
  known: ReadonlySet<string>;
  /** A valid body but for these members here. */
  bodyWith(extra: Record<string, unknown>): unknown;
}

/** Every object of a body, at any depth. */
export function placesOf(document: OpenApiDocument, given: JsonSchema): Place[] {
  const schema = resolved(document, given);
  const sample = sampleOf(document, schema);
  if (schema.anyOf) return schema.anyOf.flatMap((choice) => placesOf(document, choice));
  if (schema.type === 'array' && typeof schema.items === 'object' && !Array.isArray(schema.items)) {
    return placesOf(document, schema.items).map((place) => ({
      ...place,
      path: place.path === '' ? '0' : `0.${place.path}`,
      bodyWith: (extra) => [place.bodyWith(extra)],
    }));
  }
  const { properties } = schema;
  if (!properties) return [];
  const known = new Set(Object.keys(properties));
  const inner = Object.entries(properties).flatMap(([name, member]) =>
    placesOf(document, member as JsonSchema).map((place) => ({
      ...place,
      path: place.path === '' ? name : `${name}.${place.path}`,
      bodyWith: (extra: Record<string, unknown>) => ({
        ...(sample as object),
        [name]: place.bodyWith(extra),
      }),
    })),
  );
  const own = {
    path: '',
    known,
    bodyWith: (extra: object) => ({ ...(sample as object), ...extra }),
  };
  return [own, ...inner];
}
