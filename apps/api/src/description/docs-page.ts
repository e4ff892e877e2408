/** The document as one page that can be read without a script, offline, and printed. */
import { escaped, policyOfStyle } from '../html.ts';
import {
  httpMethods,
  type DocumentedAnswer,
  type OpenApiDocument,
  type Operation,
  type Parameter,
  type Reference,
} from './open-api.ts';
import type { JsonSchema } from './schemas.ts';

const style =
  'body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem;color:#1c1c1e;background:#fff}' +
  'h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid #d8d8dc}h4{margin:.8rem 0 .2rem}' +
  'code{font:13px/1.4 ui-monospace,monospace;background:#f2f2f5;padding:0 .2em;border-radius:3px}' +
  'nav a{margin-right:.8rem}a{color:#0b57d0}details{border:1px solid #d8d8dc;border-radius:6px;margin:.5rem 0;padding:.4rem .7rem}' +
  'summary{cursor:pointer}summary b{display:inline-block;min-width:4.2em;font:600 13px ui-monospace,monospace}' +
  'ul{margin:.2rem 0;padding-left:1.3rem}small{color:#5c5c66}' +
  '@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#17171a}code{background:#2a2a30}' +
  'a{color:#8ab4f8}details,h2{border-color:#3a3a42}small{color:#a0a0aa}}';

export const docsPolicy = policyOfStyle(style);

export function docsPage(document: OpenApiDocument): string {
  const { info, tags, components } = document;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(info.title)} API</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(info.title)} API <small>${escaped(info.version)} · <a href="openapi.json">openapi.json</a></small></h1>
${prose(info.description)}
<nav>${tags.map(({ name }) => `<a href="#${name}">${escaped(name)}</a>`).join('')}<a href="#shapes">shapes</a></nav>
${tags.map((tag) => room(document, tag)).join('\n')}
<h2 id="shapes">Shapes</h2>
${Object.entries(components.schemas)
  .map(
    ([name, schema]) =>
      `<details id="shape-${name}"><summary>${escaped(name)}</summary>${shape(schema)}</details>`,
  )
  .join('\n')}
</body>
</html>
`;
}

function room(document: OpenApiDocument, { name, description }: OpenApiDocument['tags'][number]): string {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    httpMethods.flatMap((method) => {
      const operation = item[method];
      return operation?.tags.includes(name) ? [block(document, { method, path, operation })] : [];
    }),
  );
  return `<h2 id="${name}">${escaped(name)}</h2>\n${prose(description)}\n${operations.join('\n')}`;
}

function block(
  document: OpenApiDocument,
  { method, path, operation }: { method: string; path: string; operation: Operation },
): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const { components } = document;
  const answers = Object.entries(responses).map(([status, answer]) =>
    answerLine(status, resolve<DocumentedAnswer>(components.responses, answer)),
  );
  return `<details id="${operationId}"><summary><b>${method.toUpperCase()}</b> <code>${escaped(path)}</code> ${words(summary)}</summary>
${description === undefined ? '' : prose(description)}<p><small>${caller(operation)}</small></p>
${list(
  'Parameters',
  parameters.map((each) => parameterLine(resolve<Parameter>(components.parameters, each))),
)}
${
  requestBody
    ? `<h4>Body${requestBody.required ? '' : ', optional'}</h4>${Object.values(requestBody.content)
        .map(({ schema }) => shape(schema))
        .join('')}`
    : ''
}
${list('Answers', answers)}</details>`;
}

const caller = ({ security }: Operation): string =>
  security.length === 0
    ? 'No key is needed.'
    : `Called with: ${security.flatMap((each) => Object.keys(each)).join(' or ')}.`;

const list = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `<h4>${title}</h4><ul>${lines.map((line) => `<li>${line}</li>`).join('')}</ul>`;

const parameterLine = ({ name, in: place, required, description, schema }: Parameter): string =>
  `<code>${escaped(name)}</code> <small>${place}, ${kind(schema)}${required ? ', required' : ''}</small> ${words(description ?? '')}`;

function answerLine(status: string, { description, content = {} }: DocumentedAnswer): string {
  const bodies = Object.entries(content).map(([type, { schema }]) =>
    // A problem's shape is always the same.
    type.includes('problem') ? '' : `<small>${escaped(type)}</small>${shape(schema)}`,
  );
  return `<b>${escaped(status)}</b> ${words(description)} ${bodies.join('')}`;
}

function resolve<Thing extends object>(named: Record<string, Thing>, thing: Thing | Reference): Thing {
  if (!('$ref' in thing)) return thing;
  const found = named[thing.$ref.slice(thing.$ref.lastIndexOf('/') + 1)];
  if (!found) throw new Error(`There is no ${thing.$ref}.`);
  return found;
}

/** Members of an object, a line each; of anything else what it is. */
function shape(schema: JsonSchema): string {
  const { properties, items } = schema;
  if (properties) {
    const required = new Set(schema.required);
    const members = Object.entries(properties).map(([name, member]) =>
      memberLine(name, member, required.has(name)),
    );
    return members.length === 0 ? '<p>Nothing.</p>' : `<ul>${members.join('')}</ul>`;
  }
  if (typeof items === 'object' && !Array.isArray(items)) return `<p>A list of:</p>${shape(items)}`;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices && !choices.every(isPlain)) {
    return `<ul>${choices.map((each) => `<li>${words(each.description ?? '')} ${shape(each)}</li>`).join('')}</ul>`;
  }
  return `<p>${kind(schema)}</p>`;
}

function memberLine(name: string, member: JsonSchema | boolean, isRequired: boolean): string {
  const schema: JsonSchema = typeof member === 'boolean' ? {} : member;
  const inner = innerOf(schema);
  return (
    `<li><code>${escaped(name)}</code> <small>${kind(schema)}${isRequired ? '' : ', optional'}</small> ` +
    `${words(schema.description ?? '')}${inner ? shape(inner) : ''}</li>`
  );
}

/** What has members of its own, through lists and "or null". */
function innerOf(schema: JsonSchema): JsonSchema | null {
  if (schema.properties) return schema;
  if (typeof schema.items === 'object' && !Array.isArray(schema.items)) return innerOf(schema.items);
  const [only, ...more] = (schema.anyOf ?? []).filter(({ type }) => type !== 'null');
  return only && more.length === 0 ? innerOf(only) : null;
}

const isPlain = (schema: JsonSchema): boolean => !schema.properties && !schema.items;

/** In a few words, with a link where it is named. */
function kind(schema: JsonSchema): string {
  const { $ref, type, items, format } = schema;
  if ($ref !== undefined) {
    const name = escaped($ref.slice($ref.lastIndexOf('/') + 1));
    return `<a href="#shape-${name}">${name}</a>`;
  }
  if (schema.const !== undefined) return `<code>${escaped(JSON.stringify(schema.const))}</code>`;
  if (schema.enum) return schema.enum.map((value) => `<code>${escaped(String(value))}</code>`).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(kind).join(' or ');
  if (type === 'array' && typeof items === 'object' && !Array.isArray(items)) {
    return `list of ${kind(items)}`;
  }
  return escaped(
    [format ?? type ?? 'anything', bounds(schema), exampleOf(schema)].filter(Boolean).join(', '),
  );
}

function bounds({ minimum, maximum, maxLength }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `at least ${minimum}`;
  return maxLength === undefined ? '' : `at most ${maxLength} characters`;
}

const exampleOf = ({ examples }: JsonSchema): string =>
  Array.isArray(examples) && examples.length > 0 ? `such as ${examples.map(String).join(', ')}` : '';

const prose = (text: string): string =>
  text
    .split('\n\n')
    .map((paragraph) => `<p>${words(paragraph)}</p>`)
    .join('\n');

/** Of Markdown what descriptions use. */
const words = (text: string): string =>
  escaped(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
