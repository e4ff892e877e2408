/**
 * Calfleet's API as TypeScript knows it: paths, parameters, bodies and answers are those of its OpenAPI document, so that a
 * call which would be refused for its shape does not compile.
 */
import createClient, { type Client, type ClientOptions } from 'openapi-fetch';
import type { components, paths } from '../generated/surface.ts';

export interface CalfleetOptions extends Pick<ClientOptions, 'fetch'> {
  /** Where the API is, such as `http://127.0.0.1:4001`. */
  url: string;
  /** A key of the API, or a user's token of your own sign-in. */
  key: string;
  /** The user that a key acts for; a token names its own. */
  userId?: string;
}

/** `GET`, `POST`, `PATCH` and `DELETE` over the calls of the document; each resolves to `{data, error, response}`. */
export type Calfleet = Client<paths>;

/** What answers are made of, by name: `Shapes['Event']`. */
export type Shapes = components['schemas'];

const prefix = 'integrations/calendar';

export function createCalfleet({ url, key, userId, fetch }: CalfleetOptions): Calfleet {
  return createClient<paths>({
    baseUrl: `${url.replace(/\/+$/, '')}/${prefix}`,
    headers: { authorization: `Bearer ${key}`, ...(userId !== undefined && { 'x-user-id': userId }) },
    ...(fetch && { fetch }),
  });
}

/** A call that was refused. `code` is what programs go by, `message` is for people. */
export class CalfleetProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly errors: NonNullable<Shapes['Problem']['errors']>;

  constructor({ status, code, detail, request_id: requestId, errors = [] }: Shapes['Problem']) {
    super(detail);
    this.name = 'CalfleetProblem';
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.errors = errors;
  }
}

/** What a call answered. @throws CalfleetProblem: it was refused */
export async function orThrow<Data>(
  call: Promise<{ data?: Data; error?: Shapes['Problem'] }>,
): Promise<NonNullable<Data>> {
  const { data, error } = await call;
  if (error) throw new CalfleetProblem(error);
  if (data === undefined || data === null) throw new Error('The answer has no body.');
  return data;
}
