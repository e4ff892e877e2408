/** Reads the Dockerfile and .dockerignore as far as this project uses them, where no container engine is at hand. */
import { readFileSync } from 'node:fs';

export interface Instruction {
  /** `FROM`, `COPY`, … */
  name: string;
  /** The rest, on one line, with ARGs put in. */
  text: string;
  /** What the stage is called, or its number. */
  stage: string;
}

/** @param file from the working directory */
export function readDockerfile(file = 'Dockerfile'): Instruction[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '');
  const args = new Map<string, string>();
  let stage = '';
  let stages = 0;
  return lines.map((line) => {
    const [, name = '', raw = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const text = raw.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => args.get(key) ?? '');
    if (name === 'ARG') args.set(text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1));
    if (name === 'FROM') stage = / AS (\w+)$/.exec(text)?.[1] ?? String(stages++);
    return { name, text, stage };
  });
}

/** `COPY [--from=…] <source> … <destination>` */
export function readCopy({ text }: Instruction) {
  const words = text.split(/\s+/);
  const flags = words.filter((word) => word.startsWith('--'));
  const paths = words.filter((word) => !word.startsWith('--'));
  return {
    from: flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length) ?? null,
    sources: paths.slice(0, -1),
    destination: paths.at(-1) ?? '',
  };
}

/** `ENV a=b c=d` */
export const readEnv = ({ text }: Instruction): Record<string, string> =>
  Object.fromEntries(
    text.split(/\s+/).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );

/**
 * Whether a path of the context is kept from the build: the last pattern that fits it or a folder above it decides.
 * https://docs.docker.com/build/concepts/context/#dockerignore-files
 */
export function readDockerignore(file = '.dockerignore'): (path: string) => boolean {
  const patterns = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isException = line.startsWith('!');
      return { isException, expression: expressionOf(isException ? line.slice(1) : line) };
    });
  return (path) => {
    const parts = path.split('/');
    const above = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    return patterns.reduce(
      (isLeftOut, { isException, expression }) =>
        above.some((each) => expression.test(each)) ? !isException : isLeftOut,
      false,
    );
  };
}

const expressionOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('**/', '\0')
      .replaceAll('*', '[^/]*')
      .replaceAll('\0', '(?:.*/)?')}$`,
  );
