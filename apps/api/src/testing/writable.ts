/** Users who let us write to their calendars, by their own requests. */
import { newId } from '@calfleet/domain';
import type { House, Reply } from './house.ts';
import { seedCalendar, type SeededCalendar } from './rows.ts';

/** Of a user who asks for as little as possible, and lets us write everything. */
export const preferences = {
  auto_sync_enabled: false,
  sync_frequency_minutes: 60,
  conflict_strategy: 'newest_wins',
  write_permissions: 'all',
};
export type Preferences = typeof preferences;

export const prefer = (house: House, user: string, wish: Partial<Preferences> = {}): Promise<Reply> =>
  house.send('POST', '/sync/schedule', { ...preferences, ...wish }, { user });

/** The calendar's user lets us write to it. */
export async function letWrite(
  house: House,
  { userId: user, calendarId }: SeededCalendar,
  wish: Partial<Preferences> = {},
): Promise<void> {
  expect((await prefer(house, user, wish)).status).toBe(200);
  const switched = { write_enabled: true };
  expect(await house.send('PATCH', `/calendars/${calendarId}`, switched, { user })).toMatchObject({
    status: 200,
    body: switched,
  });
}

export interface WritableCalendar extends SeededCalendar {
  user: string;
}

/** A calendar of a user of its own, who lets us write to it. */
export async function writableCalendar(
  house: House,
  wish: Partial<Preferences> = {},
): Promise<WritableCalendar> {
  const user = `user-${newId()}`;
  const calendar = await seedCalendar(house, { userId: user });
  await letWrite(house, calendar, wish);
  return { ...calendar, user };
}
