/** What a user wants of the fleet: how often to look, when somebody works, what may be written. */
import { z } from 'zod';
import { api, beatPreferences, type PreferencesRow } from '@calfleet/db';
import { conflictStrategies, nextPullAt, parseTimeOfDay, weekdays, type ZoneTable } from '@calfleet/domain';
import { asUser } from '../context.ts';
import { invalid } from '../problems.ts';
import { plainText } from '../requests/input.ts';
import { forUser } from '../route.ts';
import { performWrite } from '../writes.ts';

/**
 * Of a user who never said anything. It describes what happens then: the fleet's own beat of 20 minutes, nothing is
 * written, and once something is, the newest edit wins (the losing one stays in the event's history).
 */
const unsaid: PreferencesRow = {
  auto_sync_enabled: false,
  sync_frequency_minutes: 20,
  conflict_strategy: 'newest_wins',
  write_permissions: 'none',
  working_time_zone: null,
  working_days: [],
  working_start: null,
  working_end: null,
};

/** The longest name of the tz database has 32 characters. */
const zoneMax = 64;

const timeOfDay = (latest: '23:59' | '24:00') => {
  const error = `must be a time of the day from 00:00 to ${latest}`;
  return z
    .string({ error })
    .refine((text) => parseTimeOfDay(text) !== null && text <= latest, { error })
    .meta({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' + (latest === '24:00' ? '|^24:00$' : '') });
};

const workingHours = z
  .strictObject(
    {
      time_zone: plainText({ max: zoneMax })
        .describe('IANA')
        .meta({ examples: ['Europe/Berlin'] }),
      days: z
        .array(z.enum(weekdays, { error: `must be one of ${weekdays.join(', ')}` }), {
          error: 'must be a list of days',
        })
        .min(1, { error: 'names no day' })
        .refine((days) => new Set(days).size === days.length, { error: 'names a day twice' }),
      start: timeOfDay('23:59'),
      end: timeOfDay('24:00'),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'must be an object' : undefined) },
  )
  .refine(({ start, end }) => start !== end, { path: ['end'], error: 'is the start' })
  .describe('When somebody works: looked at often then, and seldom else.');

const frequency = 'must be a whole number from 5 to 1440';
const permissions = ['none', 'managed', 'all'] as const;

export const preferences = z
  .strictObject({
    auto_sync_enabled: z
      .boolean({ error: 'must be true or false' })
      .describe('False: the beat of the fleet, every 20 minutes. True: the beat below.'),
    sync_frequency_minutes: z
      .int({ error: frequency })
      .min(5, { error: frequency })
      .max(1440, { error: frequency }),
    conflict_strategy: z
      .enum(conflictStrategies, { error: `must be one of ${conflictStrategies.join(', ')}` })
      .describe('Who wins where both sides changed a field, unless a calendar says otherwise.'),
    write_permissions: z
      .enum(permissions, { error: `must be one of ${permissions.join(', ')}` })
      .describe('`managed`: only events that were created through Calfleet.'),
    working_hours: workingHours.optional(),
  })
  .meta({ id: 'Preferences' });

const told = { summary: 'What the user prefers', answers: { 200: preferences } };

export const getSchedule = forUser(told, async (context, call) => {
  const row = await asUser(context, call, (tx) => api.findPreferences(tx, call));
  return { status: 200, body: scheduleAnswer(row ?? unsaid) };
});

const replaced = {
  summary: 'Replaces what the user prefers',
  details: 'Left-out working hours are none.',
  body: preferences,
  answers: { 200: preferences },
};

export const setSchedule = forUser(replaced, async (context, call, { body }) => {
  const zone = body.working_hours?.time_zone;
  if (zone !== undefined && !context.zones.isKnown(zone)) {
    throw invalid('working_hours.time_zone', 'is not a known IANA time zone');
  }
  const row = rowOf(body);
  const { userId } = call;
  // With the locks of all pages, so that a round that ends meanwhile cannot write a next pull of the old preferences.
  const calendars = await asUser(context, call, (tx) => api.calendarIdsOf(tx, { userId }));
  return performWrite(context, call, {
    calendars,
    work: async (tx) => {
      const now = context.clock.now();
      await api.storePreferences(tx, { userId, preferences: row, now });
      const enabled = row.auto_sync_enabled;
      const rows = await api.turnAutoSync(tx, { userId, enabled, now });
      const due = rows.map((beat) => ({
        id: beat.id,
        at: laterOf(now, nextPullOf(context.zones, beat, row)),
      }));
      await api.storeNextPulls(tx, { userId, due });
      return { status: 200, body: scheduleAnswer(row) };
    },
  });
});

/** As the last pull would have said it, had it known. */
const nextPullOf = (zones: ZoneTable, row: api.BeatRow, preferred: PreferencesRow): Date =>
  nextPullAt(zones, {
    calendarId: row.id,
    at: row.last_synced_at,
    coverage: row.coverage,
    quietPolls: row.quiet_polls,
    preferences: beatPreferences(preferred),
  });

const laterOf = (one: Date, other: Date): Date => (one > other ? one : other);

const rowOf = ({ working_hours: hours, ...rest }: z.output<typeof preferences>): PreferencesRow => ({
  ...rest,
  working_time_zone: hours?.time_zone ?? null,
  working_days: hours?.days ?? [],
  working_start: hours?.start ?? null,
  working_end: hours?.end ?? null,
});

export const scheduleAnswer = (row: PreferencesRow) => ({
  auto_sync_enabled: row.auto_sync_enabled,
  sync_frequency_minutes: row.sync_frequency_minutes,
  conflict_strategy: row.conflict_strategy,
  write_permissions: row.write_permissions,
  ...(row.working_time_zone === null
    ? {}
    : {
        working_hours: {
          time_zone: row.working_time_zone,
          days: row.working_days,
          start: row.working_start,
          end: row.working_end,
        },
      }),
});
