/** JSON Schemas of the zod schemas that read requests and show answers; those with an id are named once and referred to. */
import { z } from 'zod';

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

export interface Schemas {
  of(schema: z.ZodType): JsonSchema;
  /** All that were referred to so far, by id. */
  named: Record<string, JsonSchema>;
}

export function createSchemas(): Schemas {
  const named: Record<string, JsonSchema> = {};
  return {
    named,
    of: (schema) => {
      // Inside another one, so that a schema with an id is a reference, too.
      const { properties, $defs = {} } = z.toJSONSchema(z.object({ schema }), {
        io: 'input',
        override: plain,
      });
      for (const [id, definition] of Object.entries($defs)) named[id] = referring(definition);
      return referring(properties?.['schema'] as JsonSchema);
    },
  };
}

const referring = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/')) as JsonSchema;

/** What says no more than its neighbour is left out. */
function plain({ jsonSchema: schema }: { jsonSchema: JsonSchema }): void {
  // Words of a query that are read as a boolean.
  if (schema.type === 'boolean') delete schema.enum;
  if (schema.format !== undefined) delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  delete schema.propertyNames;
}
