/**
 * A route is what answers and how a stranger is told of it, in one: without its description it does not compile. What the
 * description says of query and body is what reads them; what it says of answers is what tests hold every answer against.
 */
import { z } from 'zod';
import type { SyncErrorCode } from '@calfleet/domain';
import type { RequestHandler } from 'express';
import type { AdminCall, AdminHandler, Answer, Call, Context, Handler } from './context.ts';
import type { OpenApiDocument } from './description/open-api.ts';
import { readBody, readQuery } from './requests/input.ts';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** For whom a port is: whoever calls, administrators at work, or both. */
export type Audience = 'all' | 'callers' | 'administrators';

/** An answer that is not JSON, or has no body. */
export interface Content {
  description: string;
  /** Media type; null: no body. */
  type: string | null;
  /** Of NDJSON: a line. Left out: text. */
  schema?: z.ZodType;
}

export interface Description<Query extends z.ZodObject, Body extends z.ZodType> {
  /** A line. */
  summary: string;
  /** What a caller must know beside it: units, defaults, what follows. Markdown. */
  details?: string;
  /** Of the path; left out, `id` is a uuid and `provider` one of the two. */
  params?: Record<string, z.ZodType>;
  /** Left out: none is taken. */
  query?: Query;
  /** Left out: none is read. */
  body?: Body;
  /** Whether a change can be made to depend on the version it was made upon. */
  takesIfMatch?: boolean;
  /** By status. */
  answers: Readonly<Record<number, z.ZodType | Content>>;
  /** Beside those that any route of its scope may answer. */
  problems?: readonly SyncErrorCode[];
}

export type AnyDescription = Description<z.ZodObject, z.ZodType>;

/** The request as its description reads it. */
interface Given<Query extends z.ZodObject, Body extends z.ZodType> {
  query: z.output<Query>;
  body: z.output<Body>;
}

/** Any known caller, for one user. */
export interface UserRoute {
  scope: 'app';
  description: AnyDescription;
  handle: Handler;
}

/** An admin key alone. */
export interface AdminRoute {
  scope: 'admin';
  description: AnyDescription;
  handle: AdminHandler;
}

/** Everybody, unless it asks for a key by itself. */
export interface OpenRoute {
  scope: 'none' | 'page';
  description: AnyDescription;
  serve: (context: Context, document: OpenApiDocument) => RequestHandler;
  /** Left out: it is at every port. */
  audience?: Audience;
  /** What lies below it is its own, too. */
  isMount?: boolean;
}

export type Route = UserRoute | AdminRoute | OpenRoute;

type Answers<Asked, Query extends z.ZodObject, Body extends z.ZodType> = (
  context: Context,
  call: Asked,
  given: Given<Query, Body>,
) => Promise<Answer>;

type Nothing = z.ZodObject<Record<never, never>>;

export function forUser<Query extends z.ZodObject = Nothing, Body extends z.ZodType = z.ZodUndefined>(
  description: Description<Query, Body>,
  answer: Answers<Call, Query, Body>,
): UserRoute {
  const read = readAs(description);
  return { scope: 'app', description, handle: async (context, call) => answer(context, call, read(call)) };
}

export function forAdmin<Query extends z.ZodObject = Nothing, Body extends z.ZodType = z.ZodUndefined>(
  description: Description<Query, Body>,
  answer: Answers<AdminCall, Query, Body>,
): AdminRoute {
  const read = readAs(description);
  return { scope: 'admin', description, handle: async (context, call) => answer(context, call, read(call)) };
}

/** Reads and answers by itself. */
export const forEverybody = (description: AnyDescription, serve: OpenRoute['serve']): OpenRoute => ({
  scope: 'none',
  description,
  serve,
});

const readAs =
  <Query extends z.ZodObject, Body extends z.ZodType>({ query, body }: Description<Query, Body>) =>
  (call: AdminCall): Given<Query, Body> => ({
    query: readQuery(call, query ?? z.strictObject({})) as z.output<Query>,
    body: (body ? readBody(call, body) : undefined) as z.output<Body>,
  });
