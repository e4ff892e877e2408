/**
 * A provider that keeps what it is told in words of its own, as mail servers do. Its own words, told back to it, stay as
 * they are.
 */
import type { Attendee, EventPatch } from '@calfleet/domain';

/** Descriptions become HTML with the line ends of mail, titles and places lose blanks, guests are sorted and named. */
export function rewritten<T extends EventPatch>(fields: T): T {
  const { summary, location, description, attendees } = fields;
  return {
    ...fields,
    ...(summary !== undefined && { summary: trimmed(summary) }),
    ...(location !== undefined && { location: trimmed(location) }),
    ...(description !== undefined && { description: asHtml(description) }),
    ...(attendees !== undefined && { attendees: attendees.map(named).toSorted(byAddress) }),
  };
}

const trimmed = (text: string | null): string | null => text?.replaceAll(/\s+/g, ' ').trim() || null;

function asHtml(text: string | null): string | null {
  if (text === null || text.startsWith('<html>')) return text;
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const shown = lines.join('\n').trimEnd();
  return shown === '' ? null : `<html><body>${shown.replaceAll('\n', '<br>\r\n')}</body></html>\r\n`;
}

const named = (attendee: Attendee): Attendee => ({
  ...attendee,
  email: attendee.email?.toLowerCase() ?? null,
  name: attendee.name ?? attendee.email?.split('@')[0] ?? null,
});

const byAddress = (one: Attendee, other: Attendee): number =>
  (one.email ?? '') < (other.email ?? '') ? -1 : 1;
