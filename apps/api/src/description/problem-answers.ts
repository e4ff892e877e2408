/** What goes wrong, as answers of the document: which codes a route may answer, and each set of them named once. */
import type { SyncErrorCode } from '@calfleet/domain';
import { problem, problemStatus, problemTitle } from '../problems.ts';
import type { Method, Route } from '../route.ts';
import type { DocumentedAnswer, Reference } from './open-api.ts';
import type { JsonSchema, Schemas } from './schemas.ts';

export interface PossibleProblem {
  status: number;
  code: string;
  title: string;
}

export interface ProblemAnswers {
  /** The answers of an operation with its problems among them. */
  beside(
    answers: Record<string, DocumentedAnswer>,
    problems: readonly PossibleProblem[],
  ): Record<string, DocumentedAnswer | Reference>;
  named: Record<string, DocumentedAnswer>;
}

/** What descriptions are made with. */
export interface Parts {
  schemas: Schemas;
  problems: ProblemAnswers;
}

export const problemType = 'application/problem+json';

const possible = (code: SyncErrorCode): PossibleProblem => ({
  status: problemStatus(code),
  code,
  title: problemTitle(code),
});

/** Of the door: whoever calls may meet them, whatever is called. */
const ofTheDoor: readonly PossibleProblem[] = [
  possible('not_authenticated'),
  possible('not_allowed'),
  { status: 429, code: 'rate_limited', title: 'More requests within a minute than a caller may make' },
  possible('provider_unavailable'),
];

const ofTheRequest: readonly PossibleProblem[] = [
  { status: 413, code: 'invalid_input', title: 'The body is larger than 256 KiB' },
  { status: 415, code: 'invalid_input', title: 'The body is not application/json' },
  possible('invalid_input'),
];

export function problemsOf({
  method,
  scope,
  codes,
}: {
  method: Method;
  scope: Route['scope'];
  codes: readonly SyncErrorCode[];
}): PossibleProblem[] {
  const own = codes.map(possible);
  switch (scope) {
    case 'none':
      return own;
    case 'page':
      return [...ofTheDoor, ...own];
    case 'admin':
      return [...ofTheDoor, ...ofTheRequest, ...own];
    case 'app': {
      const replayed = method === 'get' ? [] : [possible('idempotency_mismatch')];
      return [...ofTheDoor, ...ofTheRequest, ...replayed, ...own];
    }
  }
}

export function createProblemAnswers(schemas: Schemas): ProblemAnswers {
  const named: ProblemAnswers['named'] = {};
  const shape = schemas.of(problem);
  return {
    named,
    beside: (answers, problems) => {
      const all: Record<string, DocumentedAnswer | Reference> = {};
      for (const [status, answer] of Object.entries(answers)) {
        all[status] = { ...answer, headers: headersOf(Number(status)) };
      }
      for (const status of new Set(problems.map((each) => each.status))) {
        const alike = distinct(problems.filter((each) => each.status === status));
        const answer = problemAnswer(alike, shape);
        const own = answers[status];
        if (own) {
          all[status] = {
            ...answer,
            description: own.description,
            content: { ...own.content, ...answer.content },
          };
          continue;
        }
        const name = nameOf(alike);
        named[name] = answer;
        all[status] = { $ref: `#/components/responses/${name}` };
      }
      return all;
    },
  };
}

const distinct = (problems: readonly PossibleProblem[]): PossibleProblem[] =>
  [...new Map(problems.map((each) => [each.code, each])).values()].sort((one, other) =>
    one.code < other.code ? -1 : 1,
  );

/** `NotFound`, `InvalidInputOrOutsideWindow`; with its status where that is not the code's usual one. */
function nameOf(problems: readonly PossibleProblem[]): string {
  const words = problems.map(({ code }) =>
    code.replaceAll(/(?:^|_)(\w)/g, (_whole, letter: string) => letter.toUpperCase()),
  );
  return `${words.join('Or')}${problems[0]?.status ?? ''}`;
}

function problemAnswer(problems: readonly PossibleProblem[], shape: JsonSchema): DocumentedAnswer {
  const codes = { properties: { code: { enum: problems.map(({ code }) => code) } } };
  return {
    description: problems.map(({ code, title }) => `\`${code}\`: ${title}.`).join(' '),
    headers: headersOf(problems[0]?.status ?? 0),
    content: { [problemType]: { schema: { allOf: [shape, codes] } } },
  };
}

const waiting = new Set([429, 503]);

const headersOf = (status: number): Record<string, Reference> => ({
  'X-Request-Id': { $ref: '#/components/headers/RequestId' },
  ...(waiting.has(status) && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
});
