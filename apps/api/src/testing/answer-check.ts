/** Holds answers against the document: a documented status, its media type, and a body without anything it does not name. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { describeApi } from '../description/document.ts';
import type { DocumentedAnswer, HttpMethod, OpenApiDocument, Operation } from '../description/open-api.ts';
import { problemType } from '../description/problem-answers.ts';
import { callRoutes, pageRoutes } from '../routes/index.ts';

export interface GivenAnswer {
  method: string;
  /** With or without its query. */
  path: string;
  status: number;
  /** Media type, also with parameters; empty: none was named. */
  type: string;
  text: string;
}

/** @throws with the request, and what is wrong with its answer */
export type CheckAnswer = (answer: GivenAnswer) => void;

export const documentOfRoutes = (): OpenApiDocument => describeApi([...callRoutes, ...pageRoutes]);

export function createAnswerCheck(server: 'api' | 'ingress', document = documentOfRoutes()): CheckAnswer {
  const find = createFinder(server, document);
  const validate = createValidation(document);
  return (answer) => {
    const found = find(answer.method, answer.path);
    const isRead =
      !unreadable.has(answer.status) || String(answer.status) in (found?.operation.responses ?? {});
    const wrong = found && isRead ? judge(answer, found, validate) : judgeElsewhere(answer, validate);
    if (wrong === null) return;
    const name = found ? found.operation.operationId : 'no operation';
    throw new Error(
      `${answer.method} ${answer.path} (${name}) answered ${answer.status}: ${wrong}\n${answer.text.slice(0, 2000)}`,
    );
  };
}

interface Found {
  operation: Operation;
  /** Where it stands in the document. */
  pointer: string;
  document: OpenApiDocument;
}

function createFinder(server: 'api' | 'ingress', document: OpenApiDocument) {
  const paths = Object.entries(document.paths)
    .filter(([, { servers }]) => (servers !== undefined) === (server === 'ingress'))
    .map(([template, item]) => ({ template, item, pattern: patternOf(template) }));
  return (method: string, path: string): Found | null => {
    const [bare = ''] = path.split('?');
    const asked = method === 'HEAD' ? 'get' : (method.toLowerCase() as HttpMethod);
    const { template, item } = paths.find(({ pattern }) => pattern.test(bare)) ?? {};
    const operation = item?.[asked];
    if (template === undefined || !operation) return null;
    return { operation, pointer: pointerOf('paths', template, asked), document };
  };
}

const patternOf = (template: string): RegExp =>
  new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);

const pointerOf = (...parts: string[]): string =>
  parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

type Validate = (pointer: string, value: unknown) => string | null;

function createValidation(document: OpenApiDocument): Validate {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats(ajv);
  ajv.addSchema(closed(document) as object, 'api', false, false);
  const compiled = new Map<string, ValidateFunction>();
  return (pointer, value) => {
    const check = compiled.get(pointer) ?? ajv.compile({ $ref: `api#${encodeURI(pointer)}` });
    compiled.set(pointer, check);
    return check(value) ? null : ajv.errorsText(check.errors, { separator: '\n' });
  };
}

/** Clients pass over what they do not know; here nothing may be answered that is not described. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const isObject = members['type'] === 'object' && members['properties'] !== undefined;
  return isObject ? { additionalProperties: false, ...members } : members;
}

function judge(
  answer: GivenAnswer,
  { operation, pointer, document }: Found,
  validate: Validate,
): string | null {
  const status = String(answer.status);
  const documented = operation.responses[status];
  if (!documented) return `is not among ${Object.keys(operation.responses).join(', ')}`;
  const isNamed = '$ref' in documented;
  const place = isNamed ? documented.$ref.slice(1) : `${pointer}/responses/${status}`;
  const { content } = isNamed ? (named(document, documented.$ref) ?? {}) : documented;
  if (!content) return answer.text === '' ? null : 'has a body, and should have none';
  const type = mediaTypeOf(answer);
  if (!(type in content)) return `is ${type}, and not ${Object.keys(content).join(' or ')}`;
  if (answer.method === 'HEAD') return null;
  return judgeBody(answer.text, type, (value) =>
    validate(`${place}/content${pointerOf(type)}/schema`, value),
  );
}

const named = (document: OpenApiDocument, ref: string): DocumentedAnswer | undefined =>
  document.components.responses[ref.slice(ref.lastIndexOf('/') + 1)];

const mediaTypeOf = ({ type }: GivenAnswer): string => type.split(';')[0]?.trim() ?? '';

function judgeBody(text: string, type: string, judgeValue: (value: unknown) => string | null): string | null {
  if (type.endsWith('json') && !type.endsWith('ndjson')) return judgeValue(JSON.parse(text));
  if (!type.endsWith('ndjson')) return null;
  if (!text.endsWith('\n')) return 'ends in the middle of a line';
  for (const line of text.slice(0, -1).split('\n')) {
    const wrong = judgeValue(JSON.parse(line));
    if (wrong !== null) return `${line}: ${wrong}`;
  }
  return null;
}

/** What no operation stands for is refused, in the shape of any problem; what a mounted page has below it is its own. */
function judgeElsewhere(answer: GivenAnswer, validate: Validate): string | null {
  const [bare = ''] = answer.path.split('?');
  const isMounted = pageRoutes.some(({ path, route }) => route.isMount && `${bare}/`.startsWith(`${path}/`));
  if (isMounted) return null;
  if (!refused.has(answer.status)) return 'is no operation of the document, and is not refused';
  if (mediaTypeOf(answer) !== problemType) return 'is not refused with a problem';
  if (answer.method === 'HEAD') return null;
  return validate('/components/schemas/Problem', JSON.parse(answer.text));
}

/** What Node cannot read as HTTP is of no operation, whatever its address. */
const unreadable = new Set([400, 408, 431]);
const refused = new Set([...unreadable, 401, 403, 404, 413, 415, 422, 429, 503]);
