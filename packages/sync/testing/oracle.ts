/**
 * What a provider's calendar comes to, worked out independently of the engine: day by day, for the few rules that
 * the model test uses (`FREQ=DAILY|WEEKLY;INTERVAL=n[;COUNT=n]`, all in UTC or all-day).
 */
import { slotOf, type EventTime, type RemoteItem } from '@calfleet/domain';

const dayMs = 86_400_000;

/** One line per occurrence: series or event, slot, bounds. Sorted. */
export function expectedOccurrences(
  items: readonly RemoteItem[],
  window: { from: Date; to: Date },
): string[] {
  const live = new Map(
    items.flatMap((item) => (item.type === 'event' ? [[item.event.providerEventId, item.event]] : [])),
  );
  const lines: string[] = [];
  const replaced = new Map<string, Set<string>>();
  for (const item of items) {
    const exceptionOf =
      item.type === 'event' ? item.event.exceptionOf : item.type === 'deleted' ? item.exceptionOf : null;
    if (!exceptionOf) continue;
    const slots = replaced.get(exceptionOf.providerSeriesId) ?? new Set();
    replaced.set(exceptionOf.providerSeriesId, slots.add(exceptionOf.slot));
  }
  const show = (owner: string, slot: string, start: number, end: number, isDate: boolean): void => {
    const margin = isDate ? 14 * 3_600_000 : 0;
    const [from, to] = [window.from.getTime() - margin, window.to.getTime() + margin];
    if (start < to && (end > from || start >= from)) {
      lines.push(`${owner} ${slot} ${new Date(start).toISOString()} ${new Date(end).toISOString()}`);
    }
  };
  for (const event of live.values()) {
    const [start, end] = [millis(event.fields.start), millis(event.fields.end)];
    const isDate = event.fields.start.kind === 'date';
    if (event.kind === 'single') show(event.providerEventId, '', start, end, isDate);
    if (event.kind === 'exception' && event.exceptionOf) {
      const master = live.get(event.exceptionOf.providerSeriesId);
      const isMember = master?.kind === 'series';
      const owner = isMember ? event.exceptionOf.providerSeriesId : event.providerEventId;
      show(owner, isMember ? event.exceptionOf.slot : '', start, end, isDate);
    }
    if (event.kind === 'series') {
      for (const slotStart of startsOf(event.fields.recurrence, start, window.to.getTime() + dayMs)) {
        const slot = slotOf(timeAt(slotStart, isDate));
        if (replaced.get(event.providerEventId)?.has(slot)) continue;
        show(event.providerEventId, slot, slotStart, slotStart + end - start, isDate);
      }
    }
  }
  return lines.sort();
}

function startsOf(recurrence: readonly string[], first: number, until: number): number[] {
  const rule = new Map(
    (recurrence[0] ?? '')
      .replace('RRULE:', '')
      .split(';')
      .map((part) => part.split('=') as [string, string]),
  );
  const everyDays = Number(rule.get('INTERVAL') ?? 1) * (rule.get('FREQ') === 'WEEKLY' ? 7 : 1);
  const count = Number(rule.get('COUNT') ?? Infinity);
  const starts: number[] = [];
  for (let start = first; start < until && starts.length < count; start += everyDays * dayMs)
    starts.push(start);
  return starts;
}

const millis = (time: EventTime): number => {
  if (time.kind === 'date') return Date.parse(`${time.date}T00:00:00Z`);
  return Date.parse(time.kind === 'zoned' ? time.instant : `${time.local}Z`);
};

const timeAt = (at: number, isDate: boolean): EventTime =>
  isDate
    ? { kind: 'date', date: new Date(at).toISOString().slice(0, 10) }
    : { kind: 'zoned', instant: `${new Date(at).toISOString().slice(0, 19)}Z`, zone: 'UTC' };
