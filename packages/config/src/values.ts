/** How a setting's text becomes a value. Every schema's message completes the sentence "<NAME> …". */
import { z } from 'zod';

/** How often a tick runs: a fixed beat, or a cron line in UTC. */
export type Schedule = { everyMs: number } | { cron: string };

/** One key of a key ring: its public id and 32 secret bytes. */
export interface RingKey {
  id: string;
  key: Buffer;
}

/** A base URL, always ending in `/` so that paths can be resolved against it. */
export const rootUrl = () => address().transform((text) => (text.endsWith('/') ? text : `${text}/`));

/** The same, never ending in `/`: where the paths below it are written with theirs in front. */
export const bareRootUrl = () => address().transform((text) => text.replace(/\/+$/, ''));

/** A Microsoft tenant: a word of theirs, an id or a domain. It becomes a path segment, so nothing else may pass. */
export const tenant = () =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/, {
    error: 'must be common, organizations, consumers, a tenant id or a domain',
  });

/** One endpoint, kept as written. Which may be plain http is said in plain-http.ts. */
export const address = () =>
  queriedAddress().refine((text) => !URL.canParse(text) || new URL(text).search === '', {
    error: 'must not carry a query',
  });

/** The same, where a query is part of the address. */
export const queriedAddress = () =>
  z.string().superRefine((text, context) => {
    if (!URL.canParse(text)) return context.addIssue('is not a URL');
    const { protocol, username, password, hash } = new URL(text);
    if (username !== '' || password !== '') return context.addIssue('must not carry a user or password');
    if (hash !== '') return context.addIssue('must not carry a fragment');
    if (protocol !== 'https:' && protocol !== 'http:') context.addIssue('must be https://');
  });

/** Addresses separated by commas, each kept to the letter; empty for none. Which may be plain http is said elsewhere. */
export const addressList = () =>
  z.string().transform((value, context): string[] => {
    const entries = value
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
    for (const [index, entry] of entries.entries()) {
      for (const { message } of queriedAddress().safeParse(entry).error?.issues ?? []) {
        context.addIssue(`entry ${index + 1} ${message}`);
      }
    }
    return entries;
  });

/** A connection string of one of the given schemes. */
export const connection = (...schemes: string[]) =>
  z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), {
    error: `must be a ${schemes.map((scheme) => `${scheme}://`).join(' or ')} address`,
  });

export const wholeNumber = ({ min, max }: { min: number; max: number }) =>
  z.string().transform((text, context) => {
    const value = Number(text);
    if (/^\d{1,10}$/.test(text) && value >= min && value <= max) return value;
    context.addIssue(`must be a whole number from ${min} to ${max}`);
    return z.NEVER;
  });

/** A port; 0 is any free one. */
export const port = () => wholeNumber({ min: 0, max: 65_535 });

export const text = () => z.string();

export const oneOf = <Word extends string>(...words: [Word, ...Word[]]) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` });

/** `1` or `0`. */
export const flag = () => z.enum(['0', '1'], { error: 'must be 0 or 1' }).transform((value) => value === '1');

/** A secret that people type or scripts compare: long, and not one letter repeated. */
export const longSecret = () =>
  z
    .string()
    .min(32, { error: 'must have at least 32 characters' })
    .refine((secret) => new Set(secret).size >= 8, { error: 'is too simple; use random characters' })
    .refine((secret) => !sampleWords.test(secret), { error: 'is a sample; use random characters' });

/** What manuals write where a secret belongs. In 43 random characters one of them comes up once in ten million times. */
const sampleWords =
  /change[-_ ]?(?:me|it)|example|sample|placeholder|password|default|insecure|replace[-_ ]?me/i;

/** Words separated by commas, `all` for every one of them. */
export const listOf = <Word extends string>(...words: [Word, ...Word[]]) =>
  z.string().transform((value, context): Word[] => {
    const chosen = value.split(',').map((word) => word.trim());
    if (chosen.length === 1 && chosen[0] === 'all') return [...words];
    const known = words.filter((word) => chosen.includes(word));
    if (chosen.every((word) => words.some((other) => other === word))) return known;
    context.addIssue(`must be "all" or names from ${words.join(', ')}`);
    return z.NEVER;
  });

/** Host names separated by commas; empty for none. */
export const hostList = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9.,_ -]*$/, { error: 'must be host names separated by commas' })
    .transform((value) =>
      value
        .split(',')
        .map((host) => host.trim())
        .filter((host) => host !== ''),
    );

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 };
// Five fields, or six with seconds first; the scheduler's own parser has the last word on ranges.
const cronField = /^[\d*,/\-?#LW]+$|^[A-Za-z]{3}(?:[,-][A-Za-z]{3})*$/;

/** `every <n>s|m|h` or a cron line, read in UTC. */
export const schedule = () =>
  z.string().transform((value, context): Schedule => {
    const beat = /^every ([1-9]\d{0,5})([smh])$/.exec(value.trim());
    if (beat) {
      const everyMs = Number(beat[1]) * (unitMs[beat[2] ?? ''] ?? 0);
      // A timer past 24 days overflows, and a tick that rare is a mistake anyway.
      if (everyMs <= 86_400_000) return { everyMs };
    }
    const fields = value.trim().split(/\s+/);
    if ((fields.length === 5 || fields.length === 6) && fields.every((field) => cronField.test(field))) {
      return { cron: fields.join(' ') };
    }
    context.addIssue('must be "every <n>s", "every <n>m", "every <n>h" (up to a day) or a cron line');
    return z.NEVER;
  });

/** `id:base64,…`, each key 32 bytes. The first one writes, all of them read. */
export const keyRing = () =>
  z.string().transform((value, context): RingKey[] => {
    const keys: RingKey[] = [];
    for (const [index, entry] of value.split(',').entries()) {
      const [id = '', encoded = '', ...rest] = entry.trim().split(':');
      const problem = rest.length > 0 ? 'is not id:base64' : keyProblem(id, encoded);
      if (problem) context.addIssue(`entry ${index + 1} ${problem}`);
      else keys.push({ id, key: Buffer.from(encoded, 'base64') });
    }
    if (new Set(keys.map(({ id }) => id)).size < keys.length) context.addIssue('names a key id twice');
    if (new Set(keys.map(({ key }) => key.toString('hex'))).size < keys.length) {
      context.addIssue('holds the same key twice');
    }
    return keys;
  });

function keyProblem(id: string, encoded: string): string | null {
  if (!/^[A-Za-z0-9_-]{1,16}$/.test(id)) return 'needs an id of 1 to 16 letters, digits, _ or -';
  if (!/^[A-Za-z0-9+/]{43}=?$/.test(encoded)) return 'needs exactly 32 bytes in base64';
  const key = Buffer.from(encoded, 'base64');
  // 32 random bytes hold about 30 different ones; fewer than 16 happens by pattern, never by chance.
  if (new Set(key).size < 16) return 'is a sample or a pattern, not a random key';
  if (key.every((byte, index) => index === 0 || byte === ((key[index - 1] ?? 0) + 1) % 256)) {
    return 'is a sample or a pattern, not a random key';
  }
  if (key.subarray(0, 16).equals(key.subarray(16))) return 'is a sample or a pattern, not a random key';
  if (sampleWords.test(encoded)) return 'is a sample or a pattern, not a random key';
  if (/^[\x20-\x7e]+$/.test(key.toString('latin1'))) return 'is readable text, not a random key';
  return null;
}
