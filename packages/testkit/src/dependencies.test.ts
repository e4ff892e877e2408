/** What stands in the way of a dependency that nobody looked at: scripts/dependencies.mjs, on lock files with one fault each. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Entry {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
}
type Lock = { lockfileVersion: number; packages: Record<string, Entry> };

const real = readFileSync('package-lock.json', 'utf8');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'calfleet-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Verdict {
  code: number;
  said: string;
}

/** @param registry answers for npm's, at an address that nobody listens at unless given */
function judge(change: (lock: Lock) => void, registry = 'http://127.0.0.1:9/'): Promise<Verdict> {
  const lock = JSON.parse(real) as Lock;
  change(lock);
  const file = join(folder, 'package-lock.json');
  writeFileSync(file, JSON.stringify(lock));
  writeFileSync(join(folder, 'package.json'), readFileSync('package.json'));
  const env = {
    PATH: process.env['PATH'],
    npm_config_registry: registry,
    npm_config_fetch_retries: '0',
    // npm remembers advisories.
    npm_config_cache: join(folder, 'cache'),
  };
  return new Promise((resolve) => {
    execFile('node', ['scripts/dependencies.mjs', file], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr }),
    );
  });
}

const entry = (lock: Lock, path: string): Entry => {
  const found = lock.packages[path];
  if (!found) throw new Error(`The lock file has no ${path}`);
  return found;
};

test('the lock file has no fault; advisories that cannot be had are no fault, and are said', async () => {
  const { code, said } = await judge(() => undefined);
  expect([code, said]).toEqual([0, expect.stringMatching(/^\d+ packages in production, \d+ more/)]);
  expect(said).toContain('advisories not checked: ');
});

const express = 'node_modules/express';
const faults: [string, (lock: Lock) => void, string][] = [
  ['a package without integrity', (lock) => delete entry(lock, express).integrity, 'has no integrity'],
  ['a weak hash', (lock) => (entry(lock, express).integrity = 'sha1-x'), 'has no integrity'],
  [
    'another registry',
    (lock) => (entry(lock, express).resolved = 'https://registry.evil.example/express.tgz'),
    'comes from https://registry.evil.example/',
  ],
  [
    'a registry of a name that begins the same',
    (lock) => (entry(lock, express).resolved = 'https://registry.npmjs.org.evil.example/express.tgz'),
    'comes from',
  ],
  [
    'plain http',
    (lock) => (entry(lock, express).resolved = 'http://registry.npmjs.org/express.tgz'),
    'comes from',
  ],
  ['a version of git', (lock) => (entry(lock, express).version = 'git+ssh://git@x/y#1'), 'has no version'],
  [
    'a new install script',
    (lock) => (entry(lock, express).hasInstallScript = true),
    'runs a script when it is installed',
  ],
  [
    'a link out of the house',
    (lock) => (lock.packages['node_modules/odd'] = { link: true, resolved: '../odd' }),
    'is linked to ../odd',
  ],
  ['a folder that is no workspace', (lock) => (lock.packages['../odd'] = {}), '../odd is no workspace'],
  ['an older lock file', (lock) => (lock.lockfileVersion = 1), 'has version 1'],
  ...[
    'git+https://github.com/a/b.git',
    'github:a/b',
    'a/b',
    'https://evil.example/b.tgz',
    'file:../b',
    'npm:b@https://evil.example/b.tgz',
  ].map((wanted): [string, (lock: Lock) => void, string] => [
    `a dependency of a dependency from ${wanted}`,
    (lock) => (entry(lock, express).dependencies = { b: wanted }),
    `wants b from ${wanted}`,
  ]),
  [
    'a range of our own',
    (lock) => (entry(lock, '').dependencies = { express: '^5.3.0' }),
    'does not pin express',
  ],
];

test.each(faults)('%s is refused', async (_name, change, said) => {
  const verdict = await judge(change);
  expect([verdict.code, verdict.said]).toEqual([1, expect.stringContaining(said)]);
});

test.each([
  ['critical', 1, 'express: critical advisory'],
  ['low', 0, 'no advisory of high severity'],
])('an advisory of %s severity', async (severity, code, said) => {
  const advisory = {
    id: 1,
    url: 'https://example.com/1',
    title: 'x',
    severity,
    vulnerable_versions: '*',
    cwe: [],
    cvss: { score: 0, vectorString: null },
  };
  const npm = createServer((request, response) => {
    request.resume();
    const isBulk = request.url?.endsWith('/advisories/bulk') === true;
    response.writeHead(isBulk ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isBulk ? { express: [advisory] } : {}));
  });
  await new Promise<void>((resolve) => npm.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = npm.address() as AddressInfo;
    const verdict = await judge(() => undefined, `http://127.0.0.1:${port}/`);
    expect([verdict.code, verdict.said]).toEqual([code, expect.stringContaining(said)]);
  } finally {
    npm.closeAllConnections();
    await new Promise((resolve) => npm.close(resolve));
  }
});
