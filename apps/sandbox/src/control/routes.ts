/** The control API: what `owner.ts` offers, over HTTP with JSON, for tests and demos in another process. */
import { z } from 'zod';
import { json, noContent, type Reply } from '../reply.ts';
import { changeQuirks } from '../faults/quirks.ts';
import type { FaultPlan } from '../faults/faults.ts';
import { GoogleError } from '../google/errors.ts';
import { accessRoles } from '../store/calendar.ts';
import type { SandboxCore } from '../core.ts';
import { seedDemo } from '../seed/demo.ts';
import { GraphError } from '../microsoft/errors.ts';
import { microsoftControl } from '../microsoft/control-routes.ts';
import { seedDemoMailboxes } from '../seed/demo-microsoft.ts';
import { manyEvents } from '../seed/many.ts';
import { calendarReply } from './calendar-routes.ts';
import { consent, consentInput } from './consent.ts';
import { ControlError } from './owner.ts';

export interface ControlRequest {
  method: string;
  /** Behind `/control/`. */
  path: string;
  params: URLSearchParams;
  body: string;
}

export interface ControlCall {
  core: SandboxCore;

  params: URLSearchParams;
  body: unknown;
}

export async function controlReply(core: SandboxCore, request: ControlRequest): Promise<Reply> {
  try {
    const segments = request.path.split('/').map((segment) => decodeURIComponent(segment));
    const body: unknown = request.body === '' ? {} : JSON.parse(request.body);
    const call = { core, params: request.params, body };
    return (await route(call, request.method, segments)) ?? json({ error: 'no such control call' }, 404);
  } catch (error) {
    if (error instanceof GoogleError) return error.reply();
    if (error instanceof GraphError) {
      return error.reply({ date: core.world.clock.iso(), requestId: 'control', clientRequestId: 'control' });
    }
    if (error instanceof ControlError) return json({ error: error.message }, error.status);
    if (error instanceof z.ZodError) return json({ error: 'invalid input', issues: error.issues }, 400);
    if (error instanceof SyntaxError || error instanceof URIError) return json({ error: error.message }, 400);
    return json({ error: error instanceof Error ? error.message : String(error) }, 500);
  }
}

async function route(call: ControlCall, method: string, path: string[]): Promise<Reply | undefined> {
  const [room, ...rest] = path;
  switch (room) {
    case 'accounts':
      return accounts(call, method, rest);
    case 'faults':
      return faults(call, method, rest);
    case 'push':
      return push(call, method, rest);
    case 'microsoft':
      return microsoftControl({ ...call, method }, rest);
    default:
      return rest.length === 0 ? singles(call, `${method} ${room ?? ''}`) : undefined;
  }
}

function singles({ core, params, body }: ControlCall, key: string): Reply | undefined {
  const { world } = core;
  switch (key) {
    case 'POST reset':
      world.clear();
      core.graph.clear();
      return noContent;
    case 'POST time':
      moveTime(core, body);
      return json({ now: world.clock.iso() });
    case 'GET time':
      return json({ now: world.clock.iso() });
    case 'POST quirks':
      world.quirks = changeQuirks(world.quirks, z.record(z.string(), z.unknown()).parse(body));
      return json(world.quirks);
    case 'GET quirks':
      return json(world.quirks);
    case 'GET usage':
      return json(world.usage.report(params.get('account') ?? undefined));
    case 'POST consent':
      return json(consent(core, consentInput.parse(body)));
    case 'POST seed':
      return json(seed(core, body));
    default:
      return undefined;
  }
}

const timeInput = z.strictObject({
  advanceMs: z.number().optional(),
  /** ISO instant. */
  set: z.iso.datetime({ offset: true }).optional(),
  freeze: z.boolean().optional(),
});

function moveTime({ world }: SandboxCore, body: unknown): void {
  const { advanceMs, set, freeze } = timeInput.parse(body);
  // First, so that time stands still exactly at the instant it is set to.
  if (freeze === true) world.clock.freeze();
  if (set !== undefined) world.clock.set(Date.parse(set));
  if (advanceMs !== undefined) world.clock.advance(advanceMs);
  if (freeze === false) world.clock.unfreeze();
}

const seedInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('demo'), seed: z.number().int().default(1) }),
  z.strictObject({
    kind: z.literal('many'),
    account: z.string(),
    calendar: z.string(),
    events: z.number().int().min(1).max(1_000_000),
    seed: z.number().int().default(1),
    seriesShare: z.number().min(0).max(1).default(0.02),
  }),
]);

function seed(core: SandboxCore, body: unknown): unknown {
  const input = seedInput.parse(body);
  const now = new Date(core.world.clock.now());
  if (input.kind === 'demo') {
    const options = { seed: input.seed, now };
    return { ...seedDemo(core.google, options), microsoft: seedDemoMailboxes(core.microsoft, options) };
  }
  const calendar = core.google.account(input.account).calendar(input.calendar);
  const { events, seed: number, seriesShare } = input;
  return { events: calendar.insertMany(manyEvents({ events, seed: number, seriesShare, now })).length };
}

function faults({ core, body }: ControlCall, method: string, rest: string[]): Reply | undefined {
  const { faults: planned } = core.world;
  const [id] = rest;
  if (rest.length > 1) return undefined;
  if (method === 'GET' && id === undefined) return json({ faults: planned.list() });
  if (method === 'POST' && id === undefined) return json({ id: planned.add(body as FaultPlan) }, 201);
  if (method !== 'DELETE') return undefined;
  if (id === undefined) planned.clear();
  else if (!planned.remove(id)) throw new ControlError(404, `no such fault: ${id}`);
  return noContent;
}

async function push({ core }: ControlCall, method: string, rest: string[]): Promise<Reply | undefined> {
  const { push: sender } = core.world;
  const key = [method, ...rest].join(' ');
  if (key === 'GET') return json({ counts: sender.tally(), notifications: sender.notifications() });
  if (key === 'GET channels')
    return json({ channels: sender.channels.all().map(({ token: _, ...shown }) => shown) });
  if (key === 'POST release') sender.release();
  else if (key === 'POST settle') await sender.settled();
  else return undefined;
  return json(sender.tally());
}

const accountInput = z.strictObject({
  email: z.string().min(1),
  name: z.string().optional(),
  refreshToken: z.string().optional(),
  scopes: z.array(z.string()).optional(),
});

const calendarInput = z.strictObject({
  id: z.string().min(1).optional(),
  summary: z.string().optional(),
  description: z.string().optional(),
  timeZone: z.string().optional(),
  accessRole: z.enum(accessRoles).optional(),
  primary: z.boolean().optional(),
  refusesPush: z.boolean().optional(),
});

function accounts(call: ControlCall, method: string, rest: string[]): Reply | undefined {
  const { google } = call.core;
  const [email, room, calendarId, ...below] = rest;
  if (email === undefined) {
    if (method === 'GET') return json({ accounts: google.accounts().map(({ email: address }) => address) });
    if (method !== 'POST') return undefined;
    const created = google.createAccount(accountInput.parse(call.body));
    return json({ email: created.email, refreshToken: created.refreshTokens[0] }, 201);
  }
  const account = google.account(email);
  if (room === 'calendars' && calendarId !== undefined) {
    return calendarReply(call, method, account.calendar(calendarId), below);
  }
  switch ([method, room, calendarId].filter((part) => part !== undefined).join(' ')) {
    case 'GET calendars':
      return json({ calendars: account.calendars().map(({ id, accessRole }) => ({ id, accessRole })) });
    case 'POST calendars':
      return json({ id: account.createCalendar(calendarInput.parse(call.body)).id }, 201);
    case 'POST refresh-tokens':
      return json({ refreshToken: account.issueRefreshToken() }, 201);
    case 'POST access-tokens':
      return json({ accessToken: account.accessToken() }, 201);
    case 'DELETE access-tokens':
      account.expireAccessTokens();
      return noContent;
    case 'POST revoke':
      account.revoke();
      return noContent;
    case 'POST scopes':
      account.setScopes(z.strictObject({ scopes: z.array(z.string()) }).parse(call.body).scopes);
      return noContent;
    default:
      return undefined;
  }
}
