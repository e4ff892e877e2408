/**
 * The Graph dialect: a request in, a reply out. Order of checks as at Graph: path, token, throttle, mailbox,
 * parameters. Faults strike after the token is known, so that they can be aimed at an account.
 */
import type { FaultEffect, Operation } from '../faults/faults.ts';
import type { Reply } from '../reply.ts';
import type { SignedCall } from './call.ts';
import {
  GraphError,
  badRequest,
  noSuchSegment,
  plannedError,
  unauthorized,
  type RequestMarks,
} from './errors.ts';
import { bearerOf } from './grants.ts';
import type { AccessToken, Mailbox } from './mailbox.ts';
import { runBatch } from './batch.ts';
import { operate } from './operate.ts';
import { overtake } from './overtake.ts';
import { GraphParams } from './params.ts';
import { parsePrefer } from './prefer.ts';
import { findRoute, type Route } from './routes.ts';
import type { Refusal } from './throttle.ts';
import type { MicrosoftWorld } from './world.ts';

export interface GraphRequest {
  method: string;
  /** Behind the version, without a leading slash. */
  path: string;
  params: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: string;
  /** `http://host/microsoft/v1.0` */
  rootUrl: string;
}

/** A request that knows where it goes and who sent it; running it is left to the caller, and to faults. */
export interface PlannedCall {
  operation: Operation;
  account: string | null;
  calendar: string | null;
  /** Does the work in one of the mailbox' places; without a free one there is a refusal instead. */
  enter<T>(work: () => Promise<T>, refuse: (reply: Reply) => T): Promise<T>;
  /** Somebody else changes the event that it is about, if it is about one. */
  overtake(): void;
  run(): Promise<Reply>;
  /** The answer of a planned status fault. */
  fault(effect: FaultEffect & { kind: 'status' }): Reply;
}

/** @param world where it happens. @returns undefined when nothing lives at this path. */
export function plan(world: MicrosoftWorld, request: GraphRequest): PlannedCall | undefined {
  const route = findRoute(request.method, request.path);
  if (route === undefined) return undefined;
  const marks = newMarks(world, request);
  const access = bearerOf(world, request.headers.authorization);
  const target = access && peekMailbox(world, access, route);
  return {
    operation: route.operation,
    account: target?.email ?? null,
    calendar: target === undefined ? route.calendarId : calendarNamed(world, target, route),
    enter: (work, refuse) => {
      // The parts of a batch enter one by one.
      if (target === undefined || route.operation === 'graph.batch') return work();
      return world.throttle.run(target, work, (refusal) => refuse(throttled(refusal, marks)));
    },
    overtake: () => {
      if (route.operation.startsWith('graph.event.') && route.id !== null) overtake(world, route.id);
    },
    run: () =>
      guarded(marks, async () => {
        if (access === undefined) throw unauthorized(tokenProblem(request));
        const call = readCall(world, request, access);
        if (route.operation === 'graph.batch') return runBatch(world, request, call.body);
        return operate(call, route);
      }),
    fault: (effect) => withMarks(plannedError(effect).reply(marks), marks),
  };
}

export function noRoute(world: MicrosoftWorld, request: GraphRequest): Reply {
  const marks = newMarks(world, request);
  return withMarks(noSuchSegment(request.path.split('/').at(-1) ?? '').reply(marks), marks);
}

function readCall(world: MicrosoftWorld, request: GraphRequest, access: AccessToken): SignedCall {
  return {
    world,
    access,
    params: new GraphParams(request.params),
    prefer: parsePrefer(request.headers.prefer),
    ifMatch: request.headers['if-match'],
    body: parseJson(request),
    rootUrl: request.rootUrl,
  };
}

/** Whom a request is about, without complaining; for throttling, faults and usage. */
function peekMailbox(world: MicrosoftWorld, access: AccessToken, route: Route): Mailbox | undefined {
  if (route.user !== null && route.user !== 'me') return world.mailbox(route.user);
  return access.oid === null ? undefined : world.mailboxes.get(access.oid);
}

function calendarNamed(world: MicrosoftWorld, mailbox: Mailbox, route: Route): string | null {
  if (route.calendarId !== null) return route.calendarId;
  const isAboutDefault = route.isInCalendar || /event|calendarView|delta/.test(route.operation);
  return isAboutDefault ? (world.defaultCalendar(mailbox)?.id ?? null) : null;
}

const tokenProblem = ({ headers }: GraphRequest): string =>
  headers.authorization === undefined
    ? 'Access token is empty.'
    : 'Lifetime validation failed, the token is expired.';

function parseJson({ body, method }: GraphRequest): unknown {
  if (body === '' || method === 'GET' || method === 'DELETE') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest(
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.',
    );
  }
}

function newMarks(world: MicrosoftWorld, { headers }: GraphRequest): RequestMarks {
  const requestId = world.nextRequestId();
  return {
    date: world.clock.iso().slice(0, 19),
    requestId,
    clientRequestId: headers['client-request-id'] ?? requestId,
  };
}

function withMarks(reply: Reply, marks: RequestMarks): Reply {
  const headers = { 'request-id': marks.requestId, 'client-request-id': marks.clientRequestId };
  return { ...reply, headers: { ...headers, ...reply.headers } };
}

function throttled({ code, message, retryAfterSeconds }: Refusal, marks: RequestMarks): Reply {
  const headers = { 'Retry-After': String(retryAfterSeconds) };
  return withMarks(new GraphError(429, code, message, { headers }).reply(marks), marks);
}

/** Whatever goes wrong is an answer: the sandbox itself never falls over a request. */
async function guarded(marks: RequestMarks, work: () => Promise<Reply>): Promise<Reply> {
  try {
    return withMarks(await work(), marks);
  } catch (error) {
    if (error instanceof GraphError) return withMarks(error.reply(marks), marks);
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return withMarks(plannedError({ status: 500, message: `Sandbox bug: ${message}` }).reply(marks), marks);
  }
}
