/**
 * The Google dialect: a request in, a reply out. Order of checks as at Google: path, token, quota, calendar,
 * parameters. Faults strike after the token is known, so that they can be aimed at an account.
 */
import type { Operation } from '../faults/faults.ts';
import { plannedError } from './errors.ts';
import type { Reply } from '../reply.ts';
import { json } from '../reply.ts';
import type { Account } from '../store/account.ts';
import type { CalendarEntry } from '../store/calendar.ts';
import type { World } from '../store/world.ts';
import { getCalendar, getCalendarEntry, listCalendars } from './calendar-list.ts';
import type { Call } from './call.ts';
import { authorize } from './consent.ts';
import { authError, badRequest, GoogleError, notFound, rateLimitExceeded } from './errors.ts';
import { getEvent, insert, instances, patch, remove, update } from './events.ts';
import { bearerOf, holderOf } from './grants.ts';
import { listEvents } from './list.ts';
import { revoke, token, userinfo, type OAuthCall } from './oauth.ts';
import { findRoute, type Route } from './routes.ts';
import { overtake } from './overtake.ts';
import { stop, watch } from './watch.ts';

export interface GoogleRequest {
  method: string;
  /** Behind the API root, without a leading slash. */
  path: string;
  params: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: string;
  rootUrl: string;
}

/** A request that knows where it goes and who sent it; running it is left to the caller, and to faults. */
export interface PlannedRequest {
  operation: Operation;
  account: string | null;
  calendar: string | null;
  /** Somebody else changes the event that it is about, if it is about one. */
  overtake?(): void;
  run(): Promise<Reply>;
}

/** @returns undefined when nothing lives at this path. */
export function plan(world: World, request: GoogleRequest): PlannedRequest | undefined {
  const route = findRoute(request.method, request.path);
  if (route === undefined) return undefined;
  if (route.operation.startsWith('oauth.')) return planOAuth(world, request, route.operation);
  const access = bearerOf(world, request.headers.authorization);
  const account = access && world.accounts.get(access.email);
  const entry = account && route.calendarId !== null ? world.entry(account, route.calendarId) : undefined;
  return {
    operation: route.operation,
    account: account?.email ?? null,
    calendar: entry?.calendar.id ?? route.calendarId,
    overtake: () => {
      if (entry !== undefined && route.eventId !== null) overtake(world, entry.calendar, route.eventId);
    },
    run: () =>
      guarded(async () => {
        if (access === undefined || account === undefined) throw authError();
        spendQuota(world, account, route.operation);
        const { params, headers, rootUrl } = request;
        const [ifMatch, ifNoneMatch] = [headers['if-match'], headers['if-none-match']];
        const body = parseJson(request);
        return operate(
          { world, account, accessToken: access, params, ifMatch, ifNoneMatch, body, rootUrl },
          route,
          // Looked up again: a calendar may have been unshared while a latency fault held the request.
          route.calendarId === null ? undefined : world.entry(account, route.calendarId),
        );
      }),
  };
}

/** The answer of a planned status fault, in the shape of the endpoint it strikes. */
export function plannedReply(
  operation: Operation,
  fault: {
    status: number;
    reason?: string | undefined;
    message?: string | undefined;
    retryAfterSeconds?: number | undefined;
  },
): Reply {
  const reply = plannedError(fault).reply();
  if (!operation.startsWith('oauth.')) return reply;
  const error = fault.reason ?? (fault.status >= 500 ? 'internal_failure' : 'invalid_request');
  return { ...reply, ...json({ error, error_description: fault.message ?? 'Bad Request' }, fault.status) };
}

async function operate(call: Call, route: Route, entry: CalendarEntry | undefined): Promise<Reply> {
  const { world, account, params } = call;
  const eventId = route.eventId ?? '';
  if (route.operation === 'calendarList.list') return listCalendars(call);
  if (route.operation === 'channels.stop') return stop(call);
  if (entry === undefined || entry.accessRole === 'none') throw notFound();
  switch (route.operation) {
    case 'calendarList.get':
      return getCalendarEntry(call, entry);
    case 'calendars.get':
      return getCalendar(call, entry);
    case 'events.list':
      return listEvents({ world, entry, email: account.email, params });
    case 'events.get':
      return getEvent(call, entry, eventId);
    case 'events.insert':
      return insert(call, entry);
    case 'events.update':
      return update(call, entry, eventId);
    case 'events.patch':
      return patch(call, entry, eventId);
    case 'events.delete':
      return remove(call, entry, eventId);
    case 'events.instances':
      return instances(call, entry, eventId);
    case 'events.watch':
      return watch(call, entry);
    default:
      throw notFound();
  }
}

function planOAuth(world: World, request: GoogleRequest, operation: Operation): PlannedRequest {
  if (operation === 'oauth.authorize') {
    const { method, params, body, rootUrl } = request;
    const call = { world, method, params, form: new URLSearchParams(body), rootUrl };
    const account = call.form.get('account') ?? params.get('login_hint');
    return { operation, account, calendar: null, run: () => guarded(async () => authorize(call)) };
  }
  const form = request.body === '' ? request.params : new URLSearchParams(request.body);
  const call: OAuthCall = { world, form, authorization: request.headers.authorization };
  const account =
    operation === 'oauth.userinfo'
      ? bearerOf(world, call.authorization)?.email
      : (holderOf(world, form.get('refresh_token') ?? form.get('token') ?? '')?.email ??
        world.accessTokens.get(form.get('token') ?? '')?.email);
  const run = { 'oauth.token': token, 'oauth.revoke': revoke, 'oauth.userinfo': userinfo }[
    operation as 'oauth.token' | 'oauth.revoke' | 'oauth.userinfo'
  ];
  return { operation, account: account ?? null, calendar: null, run: () => guarded(async () => run(call)) };
}

function spendQuota(world: World, account: Account, operation: Operation): void {
  const { quotaPerUser, quotaPerProject, quotaStatus, patchCost } = world.quirks;
  const units = operation === 'events.patch' ? patchCost : 1;
  const nowMs = world.clock.now();
  const isPaid =
    world.quota.take({ purse: `user ${account.email}`, units, limit: quotaPerUser, nowMs }) &&
    world.quota.take({ purse: 'project', units, limit: quotaPerProject, nowMs });
  if (!isPaid) throw rateLimitExceeded(quotaStatus);
}

function parseJson({ body, method }: GoogleRequest): unknown {
  if (body === '' || method === 'GET' || method === 'DELETE') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest('Parse Error');
  }
}

/** Whatever goes wrong is an answer: the sandbox itself never falls over a request. */
async function guarded(work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GoogleError) return error.reply();
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return plannedError({ status: 500, reason: 'backendError', message: `Sandbox bug: ${message}` }).reply();
  }
}
