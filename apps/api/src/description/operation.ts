/** Pieces of an operation, made of the schemas that read its request and show its answers. */
import { z } from 'zod';
import type { AnyDescription } from '../route.ts';
import type { DocumentedAnswer, Operation, Parameter } from './open-api.ts';
import type { JsonSchema, Schemas } from './schemas.ts';

const usualParams: Record<string, z.ZodType> = {
  id: z.uuid(),
  provider: z.enum(['google', 'microsoft']),
};

export function pathParameters(path: string, { params }: AnyDescription, schemas: Schemas): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const schema = params?.[name] ?? usualParams[name];
    if (!schema) throw new Error(`Nobody says what ${name} of ${path} is.`);
    return { name, in: 'path', required: true, ...apart(schemas.of(schema)) };
  });
}

export function queryParameters(query: z.ZodObject | undefined, schemas: Schemas): Parameter[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !z.safeParse(schema, undefined).success,
    ...apart(schemas.of(schema as z.ZodType)),
  }));
}

/** A parameter's description is shown where it stands, not inside its schema. */
function apart({ description, ...schema }: JsonSchema): Pick<Parameter, 'description' | 'schema'> {
  return { ...(description !== undefined && { description }), schema };
}

export const requestBody = (body: z.ZodType, schemas: Schemas): NonNullable<Operation['requestBody']> => ({
  required: !body.safeParse({}).success,
  content: { 'application/json': { schema: schemas.of(body) } },
});

export function answersOf(
  { answers }: Pick<AnyDescription, 'answers'>,
  schemas: Schemas,
): Record<string, DocumentedAnswer> {
  const shown = Object.entries(answers).map(([status, answer]): [string, DocumentedAnswer] => {
    if (!(answer instanceof z.ZodType)) {
      const { description, type, schema } = answer;
      if (type === null) return [status, { description }];
      const content = { [type]: { schema: schema ? schemas.of(schema) : { type: 'string' as const } } };
      return [status, { description, content }];
    }
    const { description = 'As it stands.', ...schema } = schemas.of(answer);
    return [status, { description, content: { 'application/json': { schema } } }];
  });
  return Object.fromEntries(shown);
}
