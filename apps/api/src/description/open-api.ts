/** OpenAPI 3.1 as far as it is used here. https://spec.openapis.org/oas/v3.1.1 */
import type { JsonSchema } from './schemas.ts';

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: { url: string; description: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, PathItem>;
  components: {
    schemas: Record<string, JsonSchema>;
    parameters: Record<string, Parameter>;
    headers: Record<string, { description: string; schema: JsonSchema }>;
    responses: Record<string, DocumentedAnswer>;
    securitySchemes: Record<string, object>;
  };
}

export type PathItem = { servers?: OpenApiDocument['servers'] } & Partial<Record<HttpMethod, Operation>>;
export const httpMethods = ['get', 'post', 'patch', 'delete'] as const;
export type HttpMethod = (typeof httpMethods)[number];

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Record<string, string[]>[];
  parameters?: (Parameter | Reference)[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema }> };
  /** By status. */
  responses: Record<string, DocumentedAnswer | Reference>;
}

export interface Reference {
  $ref: string;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

export interface DocumentedAnswer {
  description: string;
  headers?: Record<string, Reference>;
  /** By media type; left out: no body. */
  content?: Record<string, { schema: JsonSchema }>;
}
