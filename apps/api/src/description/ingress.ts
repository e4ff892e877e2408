/** The ingress, whose callers are providers: described here, since a stranger reads one document. */
import { z } from 'zod';
import type { Content } from '../route.ts';
import type { OpenApiDocument, Operation, Parameter } from './open-api.ts';
import { answersOf, queryParameters, requestBody } from './operation.ts';
import type { Parts, PossibleProblem } from './problem-answers.ts';
import type { Schemas } from './schemas.ts';

const servers = [{ url: 'http://127.0.0.1:4000', description: 'The ingress: API_BASE_URL.' }];

export function describeIngress(parts: Parts): OpenApiDocument['paths'] {
  return {
    '/integrations/calendar/webhooks/google': { servers, post: describe(google, parts) },
    '/integrations/calendar/webhooks/microsoft': { servers, post: describe(microsoft, parts) },
  };
}

const answer = (description: string, type: string | null = null): Content => ({ description, type });

const problem = (status: number, code: string, title: string): PossibleProblem => ({ status, code, title });
const malformed = problem(400, 'invalid_input', 'The notification is malformed');
const tooLarge = problem(413, 'too_large', 'The body is too large');
const notStored: readonly PossibleProblem[] = [
  problem(503, 'provider_unavailable', 'It could not be stored: to be sent again'),
  problem(503, 'rate_limited', 'Too many at once: to be sent again'),
  problem(
    503,
    'misconfigured',
    'The key that its channel was signed with is not known here: to be sent again',
  ),
];

interface Described {
  name: string;
  summary: string;
  details: string;
  headers?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  answers: Record<number, Content>;
  problems: readonly PossibleProblem[];
}

/** https://developers.google.com/workspace/calendar/api/guides/push */
const google: Described = {
  name: 'notifyGoogle',
  summary: 'A notification of Google Calendar',
  details: 'Its headers are all of it. Nothing is believed but that there may be something new.',
  headers: z.object({
    'X-Goog-Channel-ID': z.uuid().describe('The watch.'),
    'X-Goog-Channel-Token': z
      .string()
      .max(256)
      .optional()
      .describe('As signed by us; a missing one is a wrong one.'),
    'X-Goog-Resource-State': z.enum(['sync', 'exists', 'not_exists']),
    'X-Goog-Resource-ID': z.string().min(1).max(512),
    'X-Goog-Message-Number': z.string().regex(/^\d{1,20}$/),
    'X-Goog-Channel-Expiration': z.string().optional().describe('RFC 1123.'),
  }),
  answers: { 200: answer('Stored, or nothing to store.') },
  problems: [
    malformed,
    problem(401, 'not_authenticated', 'The channel token is wrong'),
    tooLarge,
    ...notStored,
  ],
};

const item = z.object({
  subscriptionId: z.string(),
  clientState: z.string().max(128).optional().describe('As signed by us.'),
  changeType: z.string().optional(),
  lifecycleEvent: z.enum(['reauthorizationRequired', 'subscriptionRemoved', 'missed']).optional(),
  subscriptionExpirationDateTime: z.string().optional(),
});

/** https://learn.microsoft.com/graph/change-notifications-delivery-webhooks */
const microsoft: Described = {
  name: 'notifyMicrosoft',
  summary: 'Notifications of Microsoft Graph, its lifecycle events, and its handshake',
  details: 'Each item is judged on its own: a bad one is dropped and counted.',
  query: z.object({
    validationToken: z.string().min(1).max(4096).optional().describe('The handshake: said back, decoded.'),
  }),
  body: z.object({ value: z.array(item).max(2000) }),
  answers: {
    200: answer('The handshake: the token.', 'text/plain'),
    202: answer('Stored.'),
  },
  problems: [malformed, tooLarge, ...notStored],
};

function describe(described: Described, { schemas, problems }: Parts): Operation {
  const { name, summary, details, query, body } = described;
  const parameters = [...headerParameters(described.headers, schemas), ...queryParameters(query, schemas)];
  return {
    operationId: name,
    tags: ['webhooks'],
    summary,
    description: details,
    security: [],
    parameters,
    ...(body && { requestBody: { ...requestBody(body, schemas), required: false } }),
    responses: problems.beside(answersOf(described, schemas), described.problems),
  };
}

function headerParameters(headers: z.ZodObject | undefined, schemas: Schemas): Parameter[] {
  return queryParameters(headers, schemas).map((parameter) => ({ ...parameter, in: 'header' }));
}
