/**
 * `node scripts/image.mjs <folder>` lays out what the container image holds, and nothing else: the bundles, the packages
 * of npm that they ask for with what those need in turn, the migrations. Taken from the installation at hand, so a
 * build stage needs one `npm ci` and no second one without the development tools.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The roles of one image, by command. `local` stays out: it brings servers of its own. */
export const roles = ['ingress', 'api', 'worker', 'migrate', 'calfleet', 'sandbox'];

/**
 * Parts of packages that no bundle reaches, by far most of what they weigh: Google's other 300 APIs, and Prisma's
 * compilers for other databases and other hosts. Whatever is kept by mistake costs room, whatever is dropped by mistake
 * stops a process at its start, where the test of this layout sees it.
 */
const unreached = [
  /^googleapis\/build\/src\/apis\/(?!calendar(\/|$)|index\.js$)/,
  /^@prisma\/client\/runtime\/(?!client\.js$|query_compiler_fast_bg\.postgresql\.|$)./,
  /\.([cm]?ts|map)$/,
];

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('Usage: node scripts/image.mjs <folder>\n');
  process.exitCode = 64;
} else if (existsSync(folder)) {
  process.stderr.write(`${folder} is there already; it would mix with what it holds.\n`);
  process.exitCode = 1;
} else {
  await layOut(folder);
}

async function layOut(target) {
  mkdirSync(target, { recursive: true });
  const imports = await build(roles, { outdir: join(target, 'dist') });
  for (const path of needed(imports.map(packageOf))) copyPackage(path, target);
  cpSync(join(root, 'prisma', 'migrations'), join(target, 'prisma', 'migrations'), { recursive: true });
  const { name, version, license, engines } = manifestOf(root);
  writeFileSync(
    join(target, 'package.json'),
    `${JSON.stringify({ name, version, license, engines }, null, 2)}\n`,
  );
}

/** `@scope/name/file` is a file of `@scope/name`. */
function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Folders of the named packages and of all that they need, as Node would find them from where each one lies. */
function needed(names) {
  const found = new Set();
  const open = names.map((name) => ({ name, from: root, isOptional: false }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const path = find(next);
    if (path === null || found.has(path)) continue;
    found.add(path);
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = manifestOf(path);
    const add = (wanted, isOptional) =>
      open.push(...Object.keys(wanted ?? {}).map((name) => ({ name, from: path, isOptional })));
    // npm lists the optional ones in both places, and the weaker word counts.
    add(optionalDependencies, true);
    add(without(dependencies, optionalDependencies), false);
    add(without(peerDependencies, peerDependenciesMeta), false);
  }
  return found;
}

function without(all, some) {
  return Object.fromEntries(Object.entries(all ?? {}).filter(([name]) => !(name in (some ?? {}))));
}

function find({ name, from, isOptional }) {
  for (let folder = from; folder.startsWith(root); folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
  }
  // Another platform's binary, for example.
  if (isOptional) return null;
  throw new Error(
    `${name} is not installed, and ${relative(root, from) || 'a bundle'} needs it: run "npm ci" first.`,
  );
}

function copyPackage(path, target) {
  const modules = join(root, 'node_modules');
  cpSync(path, join(target, relative(root, path)), {
    recursive: true,
    filter: (source) => {
      // What lies inside is a package of its own, copied when somebody needs it.
      if (source !== path && relative(path, source).split(sep)[0] === 'node_modules') return false;
      const name = relative(modules, source).split(sep).join('/');
      return !unreached.some((part) => part.test(name));
    },
  });
}

function manifestOf(path) {
  return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
}
