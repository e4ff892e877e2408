/** The OpenAPI 3.1 document, made of the routes that Express is driven by and of the schemas that read their requests. */
import manifest from '../../package.json';
import type { Placed } from '../routes/index.ts';
import { describeIngress } from './ingress.ts';
import { createProblemAnswers, problemsOf, type Parts } from './problem-answers.ts';
import type { OpenApiDocument, Operation } from './open-api.ts';
import { answersOf, pathParameters, queryParameters, requestBody } from './operation.ts';
import { createSchemas } from './schemas.ts';
import { introduction, tagOf, tags } from './words.ts';

export function describeApi(routes: readonly Placed[]): OpenApiDocument {
  const schemas = createSchemas();
  const problems = createProblemAnswers(schemas);
  const paths: OpenApiDocument['paths'] = {};
  for (const placed of routes) {
    const path = placed.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[placed.method] = describe(placed, path, { schemas, problems });
  }
  Object.assign(paths, describeIngress({ schemas, problems }));
  return {
    openapi: '3.1.0',
    info: { title: 'Calfleet', version: manifest.version, description: introduction },
    servers: [{ url: '.', description: 'Where this document lies: API_PUBLIC_URL.' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.named,
      parameters: headerParameters,
      headers: answerHeaders,
      responses: problems.named,
      securitySchemes,
    },
  };
}

function describe({ name, method, route }: Placed, path: string, { schemas, problems }: Parts): Operation {
  const { description } = route;
  const { summary, details, body } = description;
  const headers = [
    ...(route.scope === 'app' ? ['XUserId'] : []),
    ...(route.scope === 'app' && method !== 'get' ? ['IdempotencyKey'] : []),
    ...(description.takesIfMatch ? ['IfMatch'] : []),
  ];
  const parameters = [
    ...pathParameters(path, description, schemas),
    ...queryParameters(description.query, schemas),
    ...headers.map((id) => ({ $ref: `#/components/parameters/${id}` })),
  ];
  return {
    operationId: name,
    tags: [tagOf(path)],
    summary,
    ...(details !== undefined && { description: details }),
    security: security[route.scope],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: requestBody(body, schemas) }),
    responses: problems.beside(
      answersOf(description, schemas),
      problemsOf({ method, scope: route.scope, codes: description.problems ?? [] }),
    ),
  };
}

const security: Record<Placed['route']['scope'], Operation['security']> = {
  app: [{ apiKey: [] }, { userToken: [] }],
  admin: [{ adminKey: [] }],
  page: [{ adminKey: [] }, { adminPassword: [] }],
  none: [],
};

const headerParameters: OpenApiDocument['components']['parameters'] = {
  XUserId: {
    name: 'X-User-Id',
    in: 'header',
    required: false,
    description:
      'The user that a key acts for; with a key it must be there. A user exists as soon as it is named. With a token it may be left out, and must not name another user.',
    schema: { type: 'string', minLength: 1, maxLength: 255, examples: ['ada'] },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'Of your choice, for each write another one. Sent again within 24 hours it is answered as the first time; with another request it is a 409.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    required: false,
    description: 'The `version` that the change is made upon, in quotes. When it has moved on: 412.',
    schema: { type: 'string', examples: ['"3"'] },
  },
};

const answerHeaders: OpenApiDocument['components']['headers'] = {
  RequestId: {
    description: 'As sent in X-Request-Id, else one of ours.',
    schema: { type: 'string' },
  },
  RetryAfter: { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } },
};

const securitySchemes = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of scope app or admin (`npm run calfleet -- keys create`), beside `X-User-Id`.',
  },
  userToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of your own sign-in, whose `sub` is the user.',
  },
  adminKey: { type: 'http', scheme: 'bearer', description: 'A key of scope admin.' },
  adminPassword: {
    type: 'http',
    scheme: 'basic',
    description: 'Any name, and a key of scope admin as the password.',
  },
};
