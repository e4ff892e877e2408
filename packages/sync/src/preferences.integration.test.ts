import { pullNow, putMeetings, useWorlds } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';

const newWorld = useWorlds();

interface Wish {
  autoSync?: boolean;
  hours?: { zone: string; days: string[]; start: string; end: string };
}

async function prefer(world: World, { autoSync = true, hours }: Wish): Promise<void> {
  const at = world.clock.now();
  await world.real.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      insert into calendar_preferences (user_id, auto_sync_enabled, sync_frequency_minutes, conflict_strategy,
        write_permissions, working_time_zone, working_days, working_start, working_end, created_at, updated_at)
      values (${world.userId}, ${autoSync}, 60, 'manual', 'none', ${hours?.zone}, ${hours?.days ?? []}::text[],
        ${hours?.start}, ${hours?.end}, ${at}, ${at})`;
  });
}

async function nextPull(world: World): Promise<Date | undefined> {
  const [row] = await world.real.transaction(
    { role: 'worker' },
    (tx) =>
      tx.$queryRaw<{ at: Date }[]>`
        select next_pull_at as at from calendars where id = ${world.calendarId}::uuid`,
  );
  return row?.at;
}

const friday = { zone: 'Europe/Berlin', days: ['fri'], start: '09:00', end: '17:00' };

test.each([
  ['the frequency of auto-sync', {}, 54],
  ['the fleet’s beat without it', { autoSync: false }, 18],
  ['the same at work', { hours: friday }, 54],
  ['the night beat outside the hours', { hours: { ...friday, days: ['mon'] } }, 240],
  ['hours left aside whose zone nobody knows', { hours: { ...friday, zone: 'Nowhere/At_all' } }, 54],
])('a pull of two pages ends with %s', async (_name, wish, minutes) => {
  const world = await newWorld();
  putMeetings(world, 3);
  world.cloud.quirks.pageSizeMax = 2;
  world.clock.set('2026-11-20T12:00:00Z');
  await prefer(world, wish);
  expect(await pullNow(world)).toBe('pulled');
  expect(await nextPull(world)).toEqual(new Date(Date.parse('2026-11-20T12:00:00Z') + minutes * 60_000));
});
