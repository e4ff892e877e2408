/** Items as the port shows them, made once per change so that a page only hands them out. */
import { blankFields, slotOf, type EventFields, type RemoteItem, type SeriesSlot } from '@calfleet/domain';
import { storableJson } from '../text.ts';
import type { MemoryEvent } from './cloud.ts';

const defaults: Omit<EventFields, 'start' | 'end'> = {
  ...blankFields,
  icalUid: null,
  organizer: null,
  meetingUrl: null,
  eventType: 'default',
  htmlLink: null,
};

export function eventItem(event: MemoryEvent & { id: string }, version: string): RemoteItem {
  const storable = storableJson({ id: event.id, etag: version, ...defaults, ...event.fields });
  const { id, etag: _etag, ...fields } = storable.value as EventFields & { id: string; etag: string };
  const exceptionOf: SeriesSlot | null = event.exceptionOf
    ? {
        providerSeriesId: event.exceptionOf.seriesId,
        slot: slotOf(event.exceptionOf.originalStart),
        originalStart: event.exceptionOf.originalStart,
      }
    : null;
  return {
    type: 'event',
    event: {
      providerEventId: id,
      providerVersion: version,
      kind: exceptionOf ? 'exception' : fields.recurrence.length > 0 ? 'series' : 'single',
      exceptionOf,
      writeId: event.writeId ?? null,
      fields,
      providerUpdatedAt: event.updatedAt ?? null,
      raw: storable.raw,
    },
  };
}

export function deletedItem(id: string, exceptionOf: SeriesSlot | null, version: string | null): RemoteItem {
  const raw = JSON.stringify({ id, status: 'cancelled', ...(version !== null && { etag: version }) });
  return { type: 'deleted', providerEventId: id, providerVersion: version, exceptionOf, raw };
}

export const unreadableItem = (id: string, reason: string): RemoteItem => ({
  type: 'unreadable',
  providerEventId: id,
  reason,
  raw: JSON.stringify({ id }),
});
