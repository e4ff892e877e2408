/** Reads what was sent. Everything unknown, missing or misshapen is a 422 that names it. */
import { z } from 'zod';
import type { Call } from '../context.ts';
import { invalid, notFound, RequestProblem, type FieldError } from '../problems.ts';

export function readQuery<Schema extends z.ZodType>(
  { query }: Pick<Call, 'query'>,
  schema: Schema,
): z.output<Schema> {
  return read(schema, query);
}

/** No body at all is an empty object. */
export function readBody<Schema extends z.ZodType>(
  { body }: Pick<Call, 'body'>,
  schema: Schema,
): z.output<Schema> {
  return read(schema, body ?? {});
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(fieldErrors).slice(0, errorsMax);
  const detail = errors
    .map(({ path, message }) => `${path === '' ? 'The body' : path}: ${message}`)
    .join('; ');
  throw new RequestProblem('invalid_input', detail, { errors });
}

/** Enough to repair a request, too few to echo one. */
const errorsMax = 20;

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
  return issue.keys.slice(0, errorsMax).map((key) => ({
    path: [...path, key.slice(0, 100)].join('.'),
    message: 'is not known here',
  }));
}

/** The id in the path. What is no uuid is nobody's, too. */
export function pathId({ params }: Call): string {
  const id = params['id'] ?? '';
  if (!isUuid(id)) throw notFound();
  return id.toLowerCase();
}

export const isUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);

export const uuid = () =>
  z
    .string()
    .refine(isUuid, { error: 'is not a uuid' })
    .overwrite((id) => id.toLowerCase())
    .meta({ format: 'uuid' });

export const flag = () =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .transform((value) => value === 'true')
    .meta({ type: 'boolean' });

/** Printable text; Postgres holds no U+0000 and nobody means one. */
export const plainText = ({ max }: { max: number }) =>
  z
    .string({ error: 'must be text' })
    .min(1, { error: 'is empty' })
    .max(max, { error: `has more than ${max} characters` })
    .refine((text) => !/\p{Cc}/u.test(text), { error: 'holds a control character' });

export const wholeNumber = ({ min, max }: { min: number; max: number }) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: min, maximum: max });

/** Where a body is wanted that says nothing. */
export const noFields = z.strictObject({});

/** The key of an idempotent write, or null. */
export function idempotencyKeyOf(headers: NodeJS.Dict<string[]>): string | null {
  const [key, ...more] = headers['idempotency-key'] ?? [];
  if (key === undefined) return null;
  if (more.length > 0) throw invalid('Idempotency-Key', 'is given more than once');
  if (key.length < 1 || key.length > 255) throw invalid('Idempotency-Key', 'must have 1 to 255 characters');
  if (/\p{Cc}/u.test(key)) throw invalid('Idempotency-Key', 'holds a control character');
  return key;
}

const entityTag = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;

/**
 * Whether an If-Match header allows a change of what is at this version: it names it, or says `*` (RFC 9110, 13.1.1).
 * A weak tag names nothing. @throws RequestProblem `invalid_input`: it is no list of tags
 */
export function allowsVersion(ifMatch: string | null, version: bigint): boolean {
  if (ifMatch === null || ifMatch.trim() === '*') return true;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.every((tag) => entityTag.test(tag))) throw invalid('If-Match', 'must be a version in quotes');
  return tags.includes(`"${version}"`);
}
