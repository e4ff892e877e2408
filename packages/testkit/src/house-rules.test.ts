/**
 * The house rules, so that nobody argues them in review: which room may know which, where process.env, the clock,
 * fetch, BullMQ and Prisma live, how long a file may be, and which names say nothing.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

const root = process.cwd();

/** What each workspace may import. `apps` may import every package that they declare. */
const mayImport: Record<string, readonly string[]> = {
  domain: [],
  config: ['domain'],
  telemetry: ['domain'],
  vault: ['domain'],
  db: ['domain', 'config', 'telemetry', 'vault'],
  jobs: ['domain', 'config', 'telemetry', 'vault'],
  providers: ['domain', 'config', 'telemetry', 'vault'],
  sync: ['domain', 'config', 'telemetry', 'vault', 'db', 'jobs'],
  client: [],
  embedded: [],
  testkit: ['domain', 'db', 'embedded'],
  ingress: ['domain', 'config', 'telemetry', 'vault', 'jobs'],
  api: ['domain', 'config', 'telemetry', 'vault', 'jobs', 'db', 'providers', 'sync'],
  worker: ['domain', 'config', 'telemetry', 'vault', 'jobs', 'db', 'providers', 'sync'],
  sandbox: [],
  local: ['domain', 'config', 'telemetry', 'vault', 'jobs', 'db', 'embedded', 'sandbox'],
};

interface Source {
  path: string;
  workspace: string;
  isTest: boolean;
  text: string;
  /** Without comments and string contents: what runs. */
  code: string;
}

const sources = ['apps', 'packages'].flatMap((folder) =>
  readdirSync(join(root, folder)).flatMap((workspace) =>
    filesIn(join(root, folder, workspace)).map((path): Source => readSource(path, workspace)),
  ),
);
const production = sources.filter((source) => !source.isTest);

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (name === 'node_modules' || name === 'generated' || name === 'dist') return [];
    if (statSync(path).isDirectory()) return filesIn(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function readSource(path: string, workspace: string): Source {
  const text = readFileSync(path, 'utf8');
  const within = relative(root, path);
  const isTest = /\.(test|fixture)\.ts$|\/(testing|test|e2e|conformance)\/|packages\/testkit\//.test(within);
  return { path: within, workspace, isTest, text, code: withoutComments(text) };
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

const imported = (source: Source): string[] =>
  [...source.code.matchAll(/(?:from|import|import\()\s*'@calfleet\/([a-z]+)/g)].map(([, name = '']) => name);

/** The files in which a pattern occurs, so that a failure names them. */
const filesWith = (pattern: RegExp, among = production): string[] =>
  among.filter((source) => pattern.test(source.code)).map((source) => source.path);

test('there is something to check', () => {
  expect(production.length).toBeGreaterThan(100);
  expect(new Set(sources.map((source) => source.workspace))).toEqual(new Set(Object.keys(mayImport)));
});

test('I3: imports point one way; ingress knows no database and no provider', () => {
  const wrong = production.flatMap((source) =>
    imported(source)
      .filter((name) => name !== source.workspace && !mayImport[source.workspace]?.includes(name))
      .map((name) => `${source.path} imports ${name}`),
  );
  expect(wrong).toEqual([]);
});

test('a workspace declares what it imports', () => {
  const wrong = sources.flatMap((source) => {
    const [folder = ''] = source.path.split('/');
    const manifest = JSON.parse(
      readFileSync(join(root, folder, source.workspace, 'package.json'), 'utf8'),
    ) as {
      name: string;
      dependencies?: Record<string, string>;
      devDependencies?: Record<string, string>;
    };
    const declared = source.isTest
      ? { ...manifest.dependencies, ...manifest.devDependencies }
      : manifest.dependencies;
    return imported(source)
      .filter((name) => `@calfleet/${name}` !== manifest.name && !(`@calfleet/${name}` in (declared ?? {})))
      .map((name) => `${source.path} imports ${name}`);
  });
  expect(wrong).toEqual([]);
});

test('the environment is read by the wiring alone', () => {
  const wrong = filesWith(/process\.env/).filter(
    (path) => !/\/main\.ts$|config\/src\/environment\.ts$|apps\/local\/|packages\/embedded\//.test(path),
  );
  expect(wrong).toEqual([]);
});

test('the time comes from the clock', () => {
  const wrong = filesWith(/Date\.now\(\)|new Date\(\)/).filter(
    (path) =>
      !/domain\/src\/clock\.ts$|apps\/sandbox\/src\/clock\.ts$|packages\/embedded\/|apps\/local\//.test(path),
  );
  expect(wrong).toEqual([]);
});

test('fetch, BullMQ, Redis and Prisma have one home each', () => {
  const homes: [RegExp, RegExp][] = [
    [
      /(?<![.\w])fetch\(/,
      /^packages\/providers\/src\/http\.ts$|^apps\/(sandbox|local)\/|api\/src\/auth\/key-set\.ts$/,
    ],
    [/from 'bullmq'/, /^packages\/jobs\//],
    [/from 'ioredis'/, /^packages\/(jobs|embedded)\//],
    [/@prisma\/|generated\/client/, /^packages\/db\//],
    [/from 'pg'/, /^packages\/(db|embedded)\//],
    [/from 'googleapis/, /^packages\/providers\/src\/google\//],
    [/from '@opentelemetry\//, /^packages\/telemetry\//],
  ];
  const wrong = homes.flatMap(([pattern, home]) => filesWith(pattern).filter((path) => !home.test(path)));
  expect(wrong).toEqual([]);
});

test('the sandbox shares no code with what it is there to break', () => {
  const sandbox = production.filter((source) => source.workspace === 'sandbox');
  expect(sandbox.flatMap(imported)).toEqual([]);
});

test('no file is longer than 400 lines', () => {
  expect(
    sources.filter((source) => source.text.split('\n').length > 401).map((source) => source.path),
  ).toEqual([]);
});

test('no name says nothing', () => {
  const empty = /^(utils?|helpers?|common|misc|types|constants|service|manager|shared)(\.|$)/;
  const wrong = sources.filter((source) => source.path.split('/').some((part) => empty.test(part)));
  expect(wrong.map((source) => basename(source.path))).toEqual([]);
});

test('nothing is left undone, skipped or focused', () => {
  const undone = new RegExp(['TO' + 'DO', 'FIX' + 'ME', '\\bXX' + 'X\\b'].join('|'));
  expect(sources.filter((source) => undone.test(source.text)).map((source) => source.path)).toEqual([]);
  const focused = /\b(?:test|it|describe)\.only\(|\bx(?:it|test|describe)\(/;
  expect(filesWith(focused, sources)).toEqual([]);
});

test('no sibling is mocked', () => {
  expect(filesWith(/jest\.(?:mock|doMock|spyOn)\(|from '(?:nock|msw)'/, sources)).toEqual([]);
});
