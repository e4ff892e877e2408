/**
 * `calendarView/delta`: a first round over a fixed window, and rounds of what changed since. The window is baked into
 * the tokens and never rolls. https://learn.microsoft.com/graph/delta-query-events
 */
import type { Reply } from '../reply.ts';
import { demand, openCalendar, viewOf, type OpenCalendar } from './access.ts';
import type { GraphCall } from './call.ts';
import { deltaPage, type DeltaPage, type Round } from './delta-page.ts';
import {
  decodeDeltaToken,
  decodePageToken,
  encodeToken,
  type DeltaPayload,
  type PagePayload,
} from './delta-tokens.ts';
import { badRequest, GraphError } from './errors.ts';
import { eventPath, readWindow } from './event-list.ts';
import type { Folder } from './folder.ts';
import type { Route } from './routes.ts';
import { headOf } from './series.ts';
import type { MicrosoftWorld } from './world.ts';
import { touchEvent } from './write.ts';

const unsupported = ['$select', '$expand', '$filter', '$orderby', '$search', '$top', '$skip'];

export function delta(call: GraphCall, route: Route): Reply {
  demand(call, 'calendars.read');
  const calendar = openCalendar(call, route.calendarId);
  refuseOptions(call);
  const round = readRound(call, calendar, linkPath(call, route));
  const view = viewOf(call, calendar.entry);
  const page = deltaPage(call.world, calendar.folder, { round, view, size: pageSize(call) });
  return reply(call, route, { folder: calendar.folder, round, page });
}

/** @throws GraphError 400, 410 */
function readRound(call: GraphCall, { folder }: OpenCalendar, path: string): Round {
  const { world, params } = call;
  const [skipToken, deltaToken] = [params.get('$skiptoken'), params.get('$deltatoken')];
  const fresh = `${call.rootUrl}/${path}?$deltatoken=`;
  if (skipToken !== undefined) {
    const payload = decodePageToken(skipToken);
    if (payload === undefined || payload.folder !== folder.id) throw invalidToken();
    const isDead = payload.epoch !== folder.pageEpoch || isForgotten(world, folder, payload.generation);
    if (isDead || world.whims.chance(world.quirks.deadNextLinkRate)) {
      throw deadLink(world, folder, { payload, fresh });
    }
    return payload;
  }
  if (deltaToken !== undefined && deltaToken !== '') {
    const payload = decodeDeltaToken(deltaToken);
    if (payload === undefined || payload.folder !== folder.id) throw invalidToken();
    const isDead = payload.epoch !== folder.deltaEpoch || isForgotten(world, folder, payload.generation);
    if (isDead || world.whims.chance(world.quirks.deadDeltaLinkRate)) {
      throw deadLink(world, folder, { payload, fresh });
    }
    return beginRound(call, folder, payload);
  }
  const window = readWindow(call);
  return beginRound(call, folder, { ...window, since: null, history: [] });
}

/** A round ends where its world stood at its first page; lagging deltas end it earlier. */
function beginRound(
  call: GraphCall,
  folder: Folder,
  chain: Pick<DeltaPayload, 'startMs' | 'endMs' | 'since' | 'history'>,
): Round {
  const { world } = call;
  touchAny(world, folder);
  const { deltaLagMs, deltaLagRounds } = world.quirks;
  const seen = deltaLagMs === 0 ? folder.seq : folder.seqAt(world.clock.now() - deltaLagMs);
  const history = [...chain.history, seen];
  let settled = chain.since ?? seen;
  while (history.length > deltaLagRounds) settled = history.shift() ?? settled;
  // What is too young for a first round is told by the next one.
  const until = Math.max(chain.since ?? 0, settled);
  return {
    kind: 'page',
    folder: folder.id,
    startMs: chain.startMs,
    endMs: chain.endMs,
    since: chain.since,
    history,
    generation: folder.owner.syncGeneration,
    epoch: folder.pageEpoch,
    until,
    size: folder.items.length,
    at: chain.since ?? 0,
    offset: 0,
    page: 1,
    loops: 0,
    asked: pageSize(call),
  };
}

function reply(
  call: GraphCall,
  route: Route,
  { folder, round, page }: { folder: Folder; round: Round; page: DeltaPage },
): Reply {
  const link = JSON.stringify(linkAfter(call, route, { folder, round, page }));
  const name = page.next === null ? '@odata.deltaLink' : '@odata.nextLink';
  const context = JSON.stringify(`${call.rootUrl}/$metadata#Collection(event)`);
  return {
    status: 200,
    headers: { 'Preference-Applied': 'odata.track-changes' },
    body: `{"@odata.context":${context},"value":[${page.items.join(',')}],"${name}":${link}}`,
  };
}

function linkAfter(
  call: GraphCall,
  route: Route,
  { folder, round, page }: { folder: Folder; round: Round; page: DeltaPage },
): string {
  const root = `${call.rootUrl}/${linkPath(call, route)}`;
  if (page.next !== null) {
    const next: PagePayload = { ...round, ...page.next, asked: pageSize(call) };
    return `${root}?$skiptoken=${encodeToken(next)}`;
  }
  folder.owner.syncGeneration += 1;
  const { startMs, endMs, history, until } = round;
  return `${root}?$deltatoken=${encodeToken({
    kind: 'delta',
    folder: folder.id,
    startMs,
    endMs,
    since: until,
    history,
    generation: folder.owner.syncGeneration,
    epoch: folder.deltaEpoch,
  })}`;
}

function linkPath(call: GraphCall, route: Route): string {
  const view = eventPath(call, route).replace(/events$/, 'calendarView');
  return `${view}/${call.world.quirks.longLinks ? 'microsoft.graph.delta()' : 'delta'}`;
}

function pageSize({ world, prefer }: GraphCall): number {
  const { deltaPageSize, deltaPageSizeMax } = world.quirks;
  return Math.min(prefer.maxPageSize ?? deltaPageSize, deltaPageSizeMax);
}

function refuseOptions({ world, params }: GraphCall): void {
  if (world.quirks.selectOnDelta === 'ignore') return;
  if (unsupported.every((name) => params.get(name) === undefined)) return;
  throw badRequest(
    `The following parameters are not supported with change tracking over the 'CalendarView' resource: '${unsupported.join(', ')}'.`,
    'ErrorInvalidUrlQuery',
  );
}

const invalidToken = (): GraphError =>
  badRequest("The value of parameter '$deltaToken' is invalid.", 'InvalidDeltaToken');

/** The mailbox remembers so many rounds, whoever they were for; the oldest go first. */
function isForgotten({ quirks }: MicrosoftWorld, { owner }: Folder, generation: number): boolean {
  return quirks.generationsKept !== null && owner.syncGeneration - generation >= quirks.generationsKept;
}

function deadLink(
  { quirks }: MicrosoftWorld,
  { owner }: Folder,
  { payload, fresh }: { payload: DeltaPayload | PagePayload; fresh: string },
): GraphError {
  const { deadLinkCode, deadLinkStatus, deadLinkLocation } = quirks;
  if (deadLinkCode === 'InvalidDeltaToken') return invalidToken();
  const highest = owner.syncGeneration;
  const message = `The sync state generation is not found; generation=${payload.generation};[highest=${highest}][${highest}][${highest - 1}].`;
  return new GraphError(deadLinkStatus, deadLinkCode, message, {
    headers: deadLinkLocation ? { Location: fresh } : {},
  });
}

/** The server's own writes: reminders, responses and the like, on any event. */
function touchAny(world: MicrosoftWorld, folder: Folder): void {
  if (folder.items.length === 0 || !world.whims.chance(world.quirks.serverTouchRate)) return;
  const item = world.whims.pick(folder.items);
  if (item.state === 'live') touchEvent(world, headOf(item));
}
