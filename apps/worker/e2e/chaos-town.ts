/** A town of calendar owners at both providers, whose edits never stop; and the questions asked of it once all is quiet. */
import fc from 'fast-check';
import { api } from '@calfleet/db';
import { systemClock, type AccountId, type CalendarId } from '@calfleet/domain';
import type { CalendarOwner, MicrosoftCalendarOwner } from '@calfleet/sandbox';
import { applyEdit, edit } from './google-edits.ts';
import { expectExact } from './google-truth.ts';
import { applyGraphEdit, graphEdit } from './graph-edits.ts';
import { expectExactGraph } from './graph-truth.ts';
import type { House } from './house.ts';

/** One mirrored calendar with the hand that edits it. */
export interface Citizen {
  name: string;
  userId: string;
  accountId: AccountId;
  /** Something changes at the provider; the same seed, the same change. */
  edit(seed: number): void;
  /** @throws an assertion error that names what differs */
  expectExact(calendarId: CalendarId): Promise<void>;
  /** Ids of the channels that are alive at the provider, as our rows know them. */
  livingChannels(): string[];
}

export async function settleTown(
  house: House,
  of: { google: number; microsoft: number },
): Promise<Citizen[]> {
  const citizens: Citizen[] = [];
  for (let n = 0; n < of.google; n += 1) citizens.push(await googleCitizen(house, `ada-${n}@example.test`));
  for (let n = 0; n < of.microsoft; n += 1) {
    citizens.push(await graphCitizen(house, `noor-${n}@example.test`));
  }
  return citizens;
}

async function googleCitizen(house: House, email: string): Promise<Citizen> {
  const { userId, accountId, owner } = await house.connect(email);
  return {
    name: email,
    userId,
    accountId,
    edit: (seed) => forEach(fc.sample(edit, { seed, numRuns: 1 }), (change) => applyEdit(owner, change)),
    expectExact: (calendarId) => expectExact({ ...house, calendarId, email, owner }),
    livingChannels: () => googleChannels(house, owner),
  };
}

const googleChannels = ({ sandbox }: House, owner: CalendarOwner): string[] =>
  sandbox.push.channels.delivering(owner.id, sandbox.clock.now(), 0).map(({ id }) => id);

async function graphCitizen(house: House, email: string): Promise<Citizen> {
  const owner = house.sandbox.microsoft.createMailbox({ email, timeZone: 'W. Europe Standard Time' });
  const calendar = owner.createCalendar({ name: 'Calendar', isDefault: true });
  const other = owner.createCalendar({ name: 'Other' });
  const { accountId, userId } = await house.addAccount({
    provider: 'microsoft',
    refreshTokens: owner.refreshTokens,
  });
  await house.producer.enqueue('discover-account', { accountId });
  const calendars = { calendar, other };
  return {
    name: email,
    userId,
    accountId,
    edit: (seed) =>
      forEach(fc.sample(graphEdit, { seed, numRuns: 1 }), (change) => applyGraphEdit(calendars, change)),
    expectExact: (calendarId) => expectExactGraph({ ...house, calendarId, calendar }),
    livingChannels: () => graphChannels(house, calendar),
  };
}

/** Our row is named in the secret that the subscription carries. */
const graphChannels = ({ sandbox }: House, calendar: MicrosoftCalendarOwner): string[] =>
  sandbox.microsoft.subscriptions
    .allLiving()
    .filter(({ resource }) => resource.includes(calendar.id))
    .flatMap(({ clientState }) => /^v1\.[^.]+\.([0-9a-f-]{36})\./.exec(clientState ?? '')?.[1] ?? []);

const forEach = <T>(all: readonly T[], act: (each: T) => void): void => all.forEach(act);

/** The mirrored calendar of each citizen: the one that is edited. */
export async function calendarsOf(
  house: House,
  citizens: readonly Citizen[],
): Promise<Map<Citizen, CalendarId>> {
  const rows = await house.db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw<{ id: CalendarId; account_id: AccountId }[]>`
      select distinct on (account_id) id, account_id from calendars
       order by account_id, is_primary desc, id`,
  );
  return new Map(
    citizens.map((citizen) => {
      const row = rows.find(({ account_id }) => account_id === citizen.accountId);
      if (!row) throw new Error(`The list of ${citizen.name} was not read yet.`);
      return [citizen, row.id];
    }),
  );
}

/** A person looks at what the brake holds and says, through the API's own road: delete it. */
export async function agreeToHeldDeletes(
  house: House,
  { userId }: Citizen,
  calendarId: CalendarId,
): Promise<void> {
  const word = { userId, calendarId, now: systemClock.now() };
  await house.db.transaction({ role: 'api', userId, calendars: [calendarId] }, async (tx) => {
    if (((await api.countHeld(tx, word)) ?? 0) > 0) await api.requestHeldDeletes(tx, word);
  });
}
