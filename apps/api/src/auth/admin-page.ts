/**
 * Who may see a page for administrators: whoever shows an admin key, as a bearer token or as the password of HTTP basic
 * (any name), which is what a browser can do. A browser then shows it again by itself, whoever makes it: so a request
 * that changes something must also come from the page itself.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '@calfleet/domain';
import { RequestProblem } from '../problems.ts';
import { addressOf, isAdmin, isUnknownCaller, type Caller, type Identify } from './caller.ts';
import type { Refusals } from './refusals.ts';

/**
 * Wrong keys from one address within a minute; then they are told to wait. The right one is let in at any time: behind a
 * proxy all come from one address, and a stranger's guesses must not lock operators out.
 */
const failuresMax = 20;
const windowMs = 60_000;
/** The table is bounded: newcomers past this share one count. */
const sourcesMax = 1000;

export type AdmitAdmin = (request: IncomingMessage) => Promise<Caller>;

export interface AdmissionOptions {
  identify: Identify;
  refusals: Refusals;
  clock: Clock;
}

/** @returns a check that throws RequestProblem `not_authenticated`, `rate_limited` or `not_allowed` */
export function createAdminAdmission({ identify, refusals, clock }: AdmissionOptions): AdmitAdmin {
  const failures = new Map<string, number>();
  let windowEnds = 0;
  const countWrongKey = (address: string) => {
    const now = clock.now().getTime();
    if (now >= windowEnds) {
      failures.clear();
      windowEnds = now + windowMs;
    }
    const source = failures.has(address) || failures.size < sourcesMax ? address : 'everyone else';
    const failed = failures.get(source) ?? 0;
    if (failed >= failuresMax) {
      throw new RequestProblem('rate_limited', 'Too many wrong keys: wait a minute', { status: 429 });
    }
    failures.set(source, failed + 1);
  };
  return async (request) => {
    const key = shownKey(request);
    // A browser's first request shows none, and is no guess.
    if (key === null) throw new RequestProblem('not_authenticated', 'Show an admin key');
    const caller = await identify(key, request).catch((error: unknown) => {
      if (isUnknownCaller(error)) countWrongKey(addressOf(request));
      throw error;
    });
    if (!isAdmin(caller)) {
      refusals.count('scope', addressOf(request));
      throw new RequestProblem('not_allowed', 'Show an admin key');
    }
    if (!isFromThePage(request)) {
      throw new RequestProblem('not_allowed', 'Another site may not change anything here');
    }
    return caller;
  };
}

function shownKey(request: IncomingMessage): string | null {
  const [, scheme = '', value = ''] = /^(\w+) +([^\s]+) *$/.exec(request.headers.authorization ?? '') ?? [];
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return null;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  // The name ends at the first colon (RFC 7617); a key may hold others.
  return pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : null;
}

/** Browsers send one of the two with everything that is not a plain look; what sends neither is no browser. */
function isFromThePage({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  // Over plain http a browser says where from, though not how that relates to us.
  const { origin, host } = headers;
  if (origin === undefined) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
