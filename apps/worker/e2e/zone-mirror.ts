/**
 * Plants the cases of zones at Google and at Microsoft, mirrors both and prints what the mirror holds. A program of its
 * own, so that it can be run on a host in any zone.
 */
import { readMirror } from '../../../packages/sync/testing/mirror.ts';
import { googleDialect } from './google-dialect.ts';
import { openGraphDialect } from './graph-dialect.ts';
import { ModelWorld, type Dialect } from './model-world.ts';
import { windowsOf, zoneCases, type MirroredEvent, type ZoneCase } from './zone-cases.ts';

export interface ZoneMirror {
  /** Its clock at an instant, to show that the host's zone was what was asked for. */
  host: string;
  google: MirroredEvent[];
  /** Zones given by their IANA names … */
  microsoft: MirroredEvent[];
  /** … and by the names that Windows has for them. */
  windows: MirroredEvent[];
}

/** All of 2026 and 2027, seen from November 2026. */
const window = { pastDays: 320, futureDays: 420 };
const windowsMark = 'Windows: ';

const googleBody = ({ name, zone, isAllDay, start, end, days }: ZoneCase) => {
  const bound = (text: string) =>
    isAllDay ? { date: text.slice(0, 10) } : { dateTime: text, timeZone: zone };
  const recurrence = days > 0 ? { recurrence: [`RRULE:FREQ=DAILY;COUNT=${days}`] } : {};
  return { summary: name, start: bound(start), end: bound(end), ...recurrence };
};

const graphBody = ({ name, isAllDay, start, end, days }: ZoneCase, timeZone: string) => ({
  subject: name,
  isAllDay,
  start: { dateTime: start, timeZone },
  end: { dateTime: end, timeZone },
  ...(days > 0 && {
    recurrence: {
      pattern: { type: 'daily', interval: 1 },
      range: {
        type: 'numbered',
        startDate: start.slice(0, 10),
        numberOfOccurrences: days,
        recurrenceTimeZone: timeZone,
      },
    },
  }),
});

async function mirrored<Owner>(
  databaseUrl: string,
  dialect: Dialect<Owner>,
  plant: (owner: Owner) => void,
): Promise<MirroredEvent[]> {
  const world = await ModelWorld.open(databaseUrl, dialect, window);
  try {
    await world.begin();
    plant(world.owner);
    await world.settle();
    const { events, occurrences, unsettled } = await readMirror(world.db, world.calendarId);
    if (unsettled.length > 0) throw new Error(`The calendar is ${unsettled.join(', ')}.`);
    const byOwner = new Map<string, string[]>();
    for (const line of occurrences) {
      const [owner = ''] = line.split(' ', 1);
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), line.slice(owner.length + 1)]);
    }
    return Object.entries(events as Record<string, Record<string, unknown>>)
      .map(([id, { summary, kind, start, end }]) => ({
        ...{ name: String(summary), kind, start, end },
        occurrences: (byOwner.get(id) ?? []).sort(),
      }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  } finally {
    await world.close();
  }
}

async function main(): Promise<void> {
  const databaseUrl = process.env['DATABASE_URL'] ?? '';
  const cases = zoneCases();
  const google = await mirrored(databaseUrl, googleDialect, (owner) => {
    owner.insertMany(cases.map(googleBody));
  });
  const dialect = await openGraphDialect();
  const graph = await mirrored(databaseUrl, dialect, ({ calendar }) => {
    calendar.createMany(cases.map((each) => graphBody(each, each.zone)));
    calendar.createMany(
      cases.flatMap((each) => {
        const known = windowsOf(each.zone);
        return known ? [graphBody({ ...each, name: windowsMark + each.name }, known.windows)] : [];
      }),
    );
  });
  dialect.close();
  const isWindows = ({ name }: MirroredEvent): boolean => name.startsWith(windowsMark);
  const output: ZoneMirror = {
    host: new Date('2026-12-01T12:00:00Z').toString().slice(16, 33),
    google,
    microsoft: graph.filter((event) => !isWindows(event)),
    windows: graph
      .filter(isWindows)
      .map((event) => ({ ...event, name: event.name.slice(windowsMark.length) })),
  };
  process.stdout.write(JSON.stringify(output));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
