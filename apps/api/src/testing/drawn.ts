/** Values for a schema of the document as chance draws them: valid, valid but for one place, and hostile. */
import fc from 'fast-check';
import type { OpenApiDocument } from '../description/open-api.ts';
import type { JsonSchema } from '../description/schemas.ts';
import { resolved } from './samples.ts';

/** What breaks readers of text; numbers, zones, instants and cursors at their edges. */
const texts = [
  '', '0', '1', '-1', '500', '1e9', '9'.repeat(40), 'true', 'false', 'start', 'now', 'null', 'UTC', 'Europe/Berlin',
  'Factory', 'posixrules', '+02:00', '2026-11-23T00:00:00Z', '2026-11-24T00:00:00+14:00', '2026-11-23', '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z', '2026-02-30', 'XXXXXXXX.0.0.1790000000', 'XXXXXXXX.18446744073709551615.1.1790000000',
  'WyJldmVudHMiXQ', 'google', '\u0000', '%', "'; --", '\ud800', '𝒳'.repeat(300), '__proto__', 'RRULE:FREQ=SECONDLY',
  'RRULE:FREQ=DAILY;COUNT=3', 'EXDATE:20261124', '24:00', '2026-03-29T02:30:00',
]; // prettier-ignore

export const hostileText = fc.oneof(
  fc.constantFrom(...texts),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const hostile: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom(null, true, 0, -1, 1e308, 2 ** 53, [], {}, [[]], { __proto__: null, toString: 1 }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Stands for an id that is somebody's; replaced when the request leaves. */
export const somebodysId = fc.nat(11).map((n) => `#${n}#`);

const formats: Record<string, fc.Arbitrary<string>> = {
  uuid: fc.oneof({ weight: 6, arbitrary: somebodysId }, fc.uuid()),
  date: fc.constantFrom('2026-11-24', '2026-11-25', '2028-02-29', '0001-01-01', '9999-12-31'),
  'date-time': fc.constantFrom('2026-11-24T09:00:00Z', '2026-11-24T23:00:00+14:00', '1960-01-01T00:00:00Z'),
  email: fc.constantFrom('ada@example.test', 'ADA@example.test', 'max+x@example.test'),
};

export function validFor(document: OpenApiDocument, given: JsonSchema): fc.Arbitrary<unknown> {
  const schema = resolved(document, given);
  const drawn = shapeOf(document, schema);
  const examples: unknown[] = Array.isArray(schema.examples) ? schema.examples : [];
  return examples.length === 0
    ? drawn
    : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...examples) }, drawn);
}

function shapeOf(document: OpenApiDocument, schema: JsonSchema): fc.Arbitrary<unknown> {
  const inner = (other: JsonSchema) => validFor(document, other);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(inner));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? 0, -1),
        max: Math.min(schema.maximum ?? 100, 1e6),
      });
    case 'array':
      return fc.array(inner((schema.items ?? {}) as JsonSchema), { maxLength: 3 });
    case 'object': {
      const members = Object.entries(schema.properties ?? {});
      const model = Object.fromEntries(members.map(([name, member]) => [name, inner(member as JsonSchema)]));
      return fc.record(model, { requiredKeys: schema.required ?? [] });
    }
    default:
      return textFor(schema);
  }
}

function textFor({ format, pattern, minLength = 0, maxLength = 60 }: JsonSchema): fc.Arbitrary<string> {
  const known = formats[format ?? ''];
  if (known) return known;
  if (pattern !== undefined) return fc.oneof(somebodysId, fc.stringMatching(new RegExp(pattern)));
  return fc.string({ minLength, maxLength: Math.min(maxLength, 60) });
}

/** Valid but for one place: something hostile there, a member too many, or one too few. */
export const nearlyValidFor = (document: OpenApiDocument, schema: JsonSchema): fc.Arbitrary<unknown> =>
  fc
    .tuple(validFor(document, schema), hostile, fc.nat({ max: 1e6 }))
    .map(([value, bad, chance]) => spoil(value, bad, chance));

function spoil(value: unknown, bad: unknown, chance: number): unknown {
  if (Array.isArray(value) && value.length > 0) {
    return value.map((item: unknown, at) =>
      at === chance % value.length ? spoil(item, bad, chance >> 3) : item,
    );
  }
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return bad;
  const names = Object.keys(value);
  const name = names[chance % names.length] ?? '';
  const rest = Object.entries(value).filter(([other]) => other !== name);
  if (chance % 5 === 0) return Object.fromEntries(rest);
  if (chance % 5 === 1) return { ...value, user_id: bad };
  return {
    ...Object.fromEntries(rest),
    [name]: spoil((value as Record<string, unknown>)[name], bad, chance >> 3),
  };
}

export const hostileBody: fc.Arbitrary<string> = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string(),
  fc.constantFrom('{', '[[[['.repeat(2000), '"\\ud800"', '{"a":1}{"b":2}', '\u0000', '{"__proto__":{"a":1}}'),
);
