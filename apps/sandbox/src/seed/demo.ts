/**
 * Three people with calendars that look like life, and hold what breaks calendar software: zones on both sides of
 * the ocean, clock changes, moved and cancelled occurrences, all-day and multi-day events, emoji, right-to-left
 * titles, guests, event types. Around `now`, the same for the same seed.
 */
import type { GoogleOwner } from '../control/owner.ts';
import { Random } from '../random.ts';
import { seedAda } from './demo-ada.ts';
import { seedNoor } from './demo-noor.ts';
import { seedYuki } from './demo-yuki.ts';
import { DemoDays } from './demo-days.ts';

export interface DemoAccount {
  email: string;
  name: string;
  refreshToken: string;
}

export const demoAccounts: readonly DemoAccount[] = [
  { email: 'ada@example.test', name: 'Ada Lindqvist', refreshToken: 'demo-refresh-ada' },
  { email: 'noor@example.test', name: 'Noor Haddad', refreshToken: 'demo-refresh-noor' },
  { email: 'yuki@example.test', name: 'Yuki Tanaka', refreshToken: 'demo-refresh-yuki' },
];

export interface DemoOptions {
  seed: number;
  now: Date;
}

export interface DemoSummary {
  accounts: readonly DemoAccount[];
  calendars: number;
  events: number;
}

export function seedDemo(google: GoogleOwner, options: DemoOptions): DemoSummary {
  const days = new DemoDays(options.now);
  const random = new Random(options.seed).fork('demo');
  for (const account of demoAccounts) google.createAccount({ ...account });
  seedAda(google.account('ada@example.test'), days, random.fork('ada'));
  seedNoor(google.account('noor@example.test'), days, random.fork('noor'));
  seedYuki(google.account('yuki@example.test'), days, random.fork('yuki'));
  const calendars = google.accounts().flatMap((account) => account.calendars());
  const events = calendars.reduce((sum, calendar) => sum + calendar.truth().events.length, 0);
  return { accounts: demoAccounts, calendars: calendars.length, events };
}
