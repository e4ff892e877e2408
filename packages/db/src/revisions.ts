/**
 * What events were: one row for each change of what an event is, kept in the statement that changes it, so that any change
 * can be looked back at and undone (I11). A link or a uid alone is no such change.
 */
import type { EventFields, EventId } from '@calfleet/domain';
import { Prisma } from '../generated/client';
import type { Evidence } from './evidence.ts';
import type { LocalChange } from './local-events.ts';
import type { Transaction } from './transaction.ts';

export type RevisionOrigin = 'local' | 'provider' | 'resolution';

export interface Revision {
  eventId: EventId;
  origin: RevisionOrigin;
  fields: string[];
  /** Null: there was no such event, or it was deleted. */
  before: object | null;
  /** Null: it was deleted. */
  after: object | null;
  writeId: string | null;
  /** Of a cut ("this and following"): the series that took over, if any did. */
  continuedBy?: EventId | null;
}

/** Keeps what the event was. The event's row, or its calendar, is locked by the caller. */
export async function keepRevision(
  tx: Transaction,
  { userId, calendarId, at }: Pick<LocalChange, 'userId' | 'calendarId' | 'at'>,
  { eventId, origin, fields, before, after, writeId, continuedBy = null }: Revision,
): Promise<void> {
  await tx.$executeRaw`
    insert into calendar_event_revisions (event_id, n, user_id, calendar_id, at, origin, fields, before, after, write_id,
      continued_by)
    values (${eventId}::uuid, ${nextOf(Prisma.sql`${eventId}::uuid`)}, ${userId}, ${calendarId}::uuid, ${at}, ${origin},
      ${fields}, ${before && JSON.stringify(before)}::jsonb, ${after && JSON.stringify(after)}::jsonb,
      ${writeId}::uuid, ${continuedBy}::uuid)`;
}

/** What says what an event is, as the feed names it, and as {@link EventFields} does. */
const telling = {
  status: 'status',
  summary: 'summary',
  description: 'description',
  location: 'location',
  start: 'start',
  end: 'end',
  recurrence: 'recurrence',
  attendees: 'attendees',
  organizer: 'organizer',
  meeting_url: 'meetingUrl',
  visibility: 'visibility',
  transparency: 'transparency',
  event_type: 'eventType',
} satisfies Record<string, keyof EventFields>;
const tellingNames = Object.keys(telling);
const tellingKeys = Object.values(telling);

/**
 * Part of a statement: keeps what its `judged` rows change, of `verdict` update and with the feed's `fields`. What comes
 * back after a deletion was nothing before.
 */
export const keepUpdates = (evidence: Evidence): Prisma.Sql => Prisma.sql`
  insert into calendar_event_revisions (event_id, n, user_id, calendar_id, at, origin, fields, before, after)
  select o.id, ${nextOf(Prisma.sql`o.id`)}, ${evidence.userId}, ${evidence.calendarId}::uuid, ${evidence.at},
    ${evidence.origin}, array(select name from unnest(j.fields) name where name = any(${tellingNames}::text[])),
    case when not c.comes_back then ${fieldsOf(Prisma.sql`o`)} - c.same end,
    ${fieldsOf(Prisma.sql`j`)} - case when c.comes_back then '{}' else c.same end
  from judged j
  cross join lateral (select * from calendar_events e where e.id = j.old_id limit 1) o
  cross join lateral (
    select array(select t.key from unnest(${tellingNames}::text[], ${tellingKeys}::text[]) t(name, key)
          where t.name <> all(j.fields)) || '{icalUid,htmlLink}'::text[] as same,
      o.deleted_at is not null and o.status = 'cancelled' and 'status' = any(j.fields) as comes_back
  ) c
  where j.verdict = 'update' and j.fields && ${tellingNames}::text[]`;

/** Part of a statement that deletes events. @param ids of them, as a query with a column `id` */
export const keepDeletions = (
  evidence: Pick<Evidence, 'userId' | 'calendarId' | 'at' | 'origin'>,
  ids: Prisma.Sql,
): Prisma.Sql => Prisma.sql`
  insert into calendar_event_revisions (event_id, n, user_id, calendar_id, at, origin, fields, before)
  select o.id, ${nextOf(Prisma.sql`o.id`)}, ${evidence.userId}, ${evidence.calendarId}::uuid, ${evidence.at},
    ${evidence.origin}, '{status}', ${fieldsOf(Prisma.sql`o`)}
  from (${ids}) d cross join lateral (select * from calendar_events e where e.id = d.id limit 1) o`;

function nextOf(eventId: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`1 + coalesce((select max(r.n) from calendar_event_revisions r where r.event_id = ${eventId}), 0)`;
}

/** Columns of an event in the shape of {@link EventFields}. */
function fieldsOf(e: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`jsonb_build_object('icalUid', ${e}.ical_uid, 'status', ${e}.status, 'summary', ${e}.summary,
    'description', ${e}.description, 'location', ${e}.location, 'start', ${timeOf(e, 'start')}, 'end', ${timeOf(e, 'end')},
    'recurrence', ${e}.recurrence, 'attendees', ${e}.attendees, 'organizer', ${e}.organizer,
    'meetingUrl', ${e}.meeting_url, 'visibility', ${e}.visibility, 'transparency', ${e}.transparency,
    'eventType', ${e}.event_type, 'htmlLink', ${e}.html_link)`;
}

function timeOf(e: Prisma.Sql, bound: 'start' | 'end'): Prisma.Sql {
  const column = (name: string): Prisma.Sql => Prisma.sql`${e}.${Prisma.raw(name)}`;
  const [date, local, zone] = [
    column(`${bound}_date`),
    column(`${bound}_local`),
    column(`${bound}_time_zone`),
  ];
  const instant = column(`${bound}s_at`);
  return Prisma.sql`case
    when ${date} is not null then jsonb_build_object('kind', 'date', 'date', ${date}::text)
    when ${local} is not null then
      jsonb_build_object('kind', 'floating', 'local', to_char(${local}, 'YYYY-MM-DD"T"HH24:MI:SS'))
    when ${instant} is not null then jsonb_build_object('kind', 'zoned',
      'instant', to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'zone', ${zone}) end`;
}
