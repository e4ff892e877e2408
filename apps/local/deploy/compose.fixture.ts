/** Reads docker-compose.yml as Compose would: anchors merged, variables put in. https://docs.docker.com/reference/compose-file/ */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Service {
  image: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string>;
  profiles?: string[];
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; start_period?: string };
  stop_grace_period?: string;
  restart?: string;
  init?: boolean;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  container_name?: string;
  logging?: { driver: string; options: Record<string, string> };
}

export interface ComposeFile {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  configs: Record<string, { content: string }>;
}

/** @throws what `:?` says, when a variable is missing */
export function readCompose(variables: Record<string, string>, file = 'docker-compose.yml'): ComposeFile {
  return interpolate(parse(readFileSync(file, 'utf8'), { merge: true }), variables) as ComposeFile;
}

function interpolate(value: unknown, variables: Record<string, string>): unknown {
  if (typeof value === 'string') return putIn(value, variables);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, variables)]));
}

function putIn(text: string, variables: Record<string, string>): string {
  const filled = text.replaceAll(
    /\$\{(\w+):([-?])([^}]*)\}/g,
    (_, name: string, sign: string, rest: string) => {
      const given = variables[name] ?? '';
      if (given !== '') return given;
      if (sign === '?') throw new Error(`${name} ${rest}`);
      return rest;
    },
  );
  if (filled.includes('$')) throw new Error(`Not understood: ${filled}`);
  return filled;
}

/** `NAME=value` lines. */
export const readVariables = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
