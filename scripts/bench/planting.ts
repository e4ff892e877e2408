/** Accounts and calendars, in the sandbox as their owner has them and in the store as a connected user has them. */
import { newId, type AccountId, type CalendarId, type ProviderName } from '@calfleet/domain';
import type { ControlClient } from '@calfleet/sandbox';
import type { Ground, Store } from './ground.ts';

type CalendarControl = ReturnType<ReturnType<ControlClient['account']>['calendar']>;

export interface PlantedAccount {
  id: AccountId;
  userId: string;
  email: string;
}

export interface PlantedCalendar {
  id: CalendarId;
  account: PlantedAccount;
  providerCalendarId: string;
  control: CalendarControl;
}

/** A connected account; `listed` says that its calendars need not be discovered. */
export async function plantAccount(
  ground: Ground,
  store: Store,
  { listed }: { listed: boolean },
): Promise<PlantedAccount> {
  const email = `${newId()}@bench.test`;
  const { refreshToken } = await ground.sandbox.control.createAccount({ email });
  return enterAccount(ground, store, { provider: 'google', email, refreshToken, listed });
}

/** The account's row, as its connection and, if `listed`, the discovery of its calendars would leave it. */
export async function enterAccount(
  ground: Ground,
  store: Store,
  given: { provider: ProviderName; email: string; refreshToken: string; listed: boolean },
): Promise<PlantedAccount> {
  const { provider, email, refreshToken, listed } = given;
  const id = newId<AccountId>();
  const userId = `user-${id}`;
  const dataKey = ground.vault.newDataKey(id);
  const sealed = ground.vault.seal({
    accountId: id,
    dataKey,
    field: 'refresh_token',
    plaintext: refreshToken,
  });
  await store.admin.query(
    `insert into calendar_accounts (id, user_id, provider, provider_account_id, email, data_key, refresh_token,
       calendars_listed_at, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, now(), now())`,
    [id, userId, provider, listed ? email : null, email, dataKey, sealed, listed ? new Date() : null],
  );
  return { id, userId, email };
}

/** A calendar with events, not pulled yet. */
export async function plantCalendar(
  ground: Ground,
  store: Store,
  account: PlantedAccount,
  events: number,
): Promise<PlantedCalendar> {
  const { control } = ground.sandbox;
  const calendar = await control.account(account.email).createCalendar();
  await control.seedMany({ account: account.email, calendar: calendar.id, events });
  const planted = { account, providerCalendarId: calendar.id, control: calendar };
  return { ...planted, id: await enterCalendar(store, planted) };
}

/** The calendar's row, as its discovery would leave it. */
export async function enterCalendar(
  store: Store,
  calendar: Omit<PlantedCalendar, 'id' | 'control'>,
  provider: ProviderName = 'google',
): Promise<CalendarId> {
  const id = newId<CalendarId>();
  await store.admin.query(
    `insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
       dirty_seq, next_pull_at, created_at, updated_at)
     values ($1, $2, $3, $4, $5, 'Bench', 'Europe/Berlin', 'owner', 1, now(), now(), now())`,
    [id, calendar.account.userId, calendar.account.id, provider, calendar.providerCalendarId],
  );
  return id;
}

/** The row under the id that it had before: the rows of a floor name the calendar of the first pull. */
export async function restoreCalendar(
  store: Store,
  calendar: Omit<PlantedCalendar, 'control'>,
  provider: ProviderName = 'google',
): Promise<void> {
  const id = await enterCalendar(store, calendar, provider);
  await store.admin.query('update calendars set id = $1 where id = $2', [calendar.id, id]);
}

/** Forgets everything that was mirrored, and every calendar. */
export async function clearMirror(store: Store): Promise<void> {
  await store.admin.query('truncate calendar_occurrences, calendar_events, calendar_changes cascade');
  await store.admin.query('delete from calendars');
  // What earlier runs left to be written back is not paid for by the next one.
  await store.admin.query('checkpoint');
}
