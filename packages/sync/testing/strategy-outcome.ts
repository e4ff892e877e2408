/** What came of a scene, in the words of the table: what stands, the write, the conflict, and what history keeps. */
import type { Attendee, EventFields, EventTime, RemoteEvent } from '@calfleet/domain';
import type { Outcome } from './strategy-cases.ts';
import type { World } from './world.ts';

/** Of the one event that was written to. */
export async function outcomeOf(world: World): Promise<Outcome> {
  const { calendarId: id } = world;
  return world.real.transaction({ role: 'worker' }, async (tx) => {
    const writes = await tx.$queryRaw<{ state: string }[]>`
      select state from calendar_writes where calendar_id = ${id}::uuid order by id`;
    const conflicts = await tx.$queryRaw<{ status: string; resolution: string | null; fields: string[] }[]>`
      select status, resolution, fields from calendar_sync_conflicts where calendar_id = ${id}::uuid order by id`;
    const revisions = await tx.$queryRaw<Revision[]>`
      select origin, fields, before, after from calendar_event_revisions
       where calendar_id = ${id}::uuid order by event_id, n`;
    return {
      stands: standing(world),
      write: writes.map(({ state }) => state).join(', '),
      conflict:
        conflicts
          .map(
            ({ status, resolution, fields }) =>
              `${status}${resolution ? ` for ${resolution}` : ''}: ${fields.map(shortly).join(', ')}`,
          )
          .join('; ') || 'none',
      history: revisions.map(revisionText),
    };
  });
}

function standing({ cloud, providerCalendarId }: World): string {
  const live = cloud
    .truth(providerCalendarId)
    .flatMap((item) => (item.type === 'event' ? [item.event] : []))
    .sort((one, other) => (one.exceptionOf ? 1 : 0) - (other.exceptionOf ? 1 : 0));
  return (
    live.map((event) => `${event.exceptionOf ? 'its second day ' : ''}${eventText(event)}`).join('; ') ||
    'nothing'
  );
}

function eventText({ fields }: RemoteEvent): string {
  const { summary, location, start, attendees } = fields;
  const guests = attendees.map(guestText).join(' and ');
  return [
    `"${summary}"`,
    hourOf(start) === '10:00' ? '' : `at ${hourOf(start)}`,
    location === null ? '' : `in ${location}`,
    guests === '' ? '' : `with ${guests}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

interface Revision {
  origin: string;
  fields: string[];
  before: Values | null;
  after: Values | null;
}

/** By field, `time` and `deleted` among them; or a whole event. */
type Values = Partial<EventFields> & Record<string, unknown>;

function revisionText({ origin, fields, before, after }: Revision): string {
  // Of what came or went, its title says which it was.
  if (before === null || after === null) return `${origin}: ${wholeText(before)} → ${wholeText(after)}`;
  const changes = fields
    .filter((field) => field !== 'end')
    .map((field) =>
      field === 'deleted'
        ? `${wholeText(before[field])} → ${wholeText(after[field])}`
        : `${shortly(field)} ${valueText(before[field])} → ${valueText(after[field])}`,
    );
  return `${origin}: ${changes.join(', ')}`;
}

const wholeText = (values: unknown): string => (values ? valueText(values) : 'deleted');

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'string') return `"${value}"`;
  if (Array.isArray(value)) return (value as Attendee[]).map(guestText).join(' and ') || 'nobody';
  if (typeof value !== 'object') return JSON.stringify(value);
  if ('kind' in value) return hourOf(value as EventTime);
  if ('summary' in value) return `"${String(value.summary)}"`;
  if ('start' in value) return hourOf(value.start as EventTime);
  if ('response' in value) return String(value.response);
  return JSON.stringify(value);
}

const hourOf = (time: EventTime): string => (time.kind === 'zoned' ? time.instant.slice(11, 16) : 'all day');
const guestText = ({ email, response }: Attendee): string =>
  `${shortly(email ?? '')}${response === 'needs_action' ? '' : ` (${response})`}`;
const shortly = (text: string): string => text.replace('@guests.test', '');
