/**
 * Worker processes are killed with SIGKILL between any two steps of a renewal: of a channel that is replaced, of a
 * subscription that is prolonged, and of one that is made again for a new key. Whatever Redis was told is lost with
 * them: the ticks of the others find what is to be done, and the providers' own logs say what came of it.
 */
import type { AccountId, CalendarId, ProviderName, WatchId } from '@calfleet/domain';
import type { JobRequest } from '@calfleet/jobs';
import {
  discoverAccount,
  drainWebhooks,
  ensureWatch,
  planWatches,
  stopWatch,
  type SyncDeps,
} from '@calfleet/sync';
import { channelLives, gaps, livingAt } from './channel-log.ts';
import { killsOf, openCrashHouse, type CrashHouse, type Kill } from './crash-house.ts';

const minutesPerDay = 24 * 60;
/** When the others' ticks come, minutes after the kill. */
const looks = [0, 3, 6, 15, 20];

let crashes: CrashHouse;

beforeAll(async () => {
  crashes = await openCrashHouse();
  crashes.house.sandbox.microsoft.setQuirks({ notificationHold: true });
  crashes.house.sandbox.setQuirks({ syncMessage: 'never' });
});

afterAll(() => crashes.close());

interface Scene {
  says: string;
  provider: ProviderName;
  /** What makes the channel due. */
  because: string;
  /** Whether the calendar is heard without a pause, wherever the process dies. */
  isAlwaysHeard: boolean;
}

const scenes: Scene[] = [
  {
    says: 'Google: a new channel, then the old one is stopped',
    provider: 'google',
    because: `expires_at = now() + interval '11 hours'`,
    isAlwaysHeard: true,
  },
  {
    says: 'Graph: the subscription is prolonged',
    provider: 'microsoft',
    because: `expires_at = now() + interval '11 hours'`,
    isAlwaysHeard: true,
  },
  {
    says: 'Graph: the subscription is made again, on the key that signs now',
    provider: 'microsoft',
    because: `signing_key_id = 'older'`,
    isAlwaysHeard: false,
  },
];

test.each(scenes)('$says: killed between any two steps', async (scene) => {
  const whole = await prepare(scene);
  const end = await crashes.renewInChild(whole);
  expect(end).toMatchObject({ code: 0, signal: null });
  const { transactions } = JSON.parse(end.output) as { transactions: number };
  await expectHeard(scene, whole, 'uninterrupted');
  // What happens inside of a transaction that is not committed has not happened.
  for (const kill of killsOf(transactions).filter(({ point }) => point !== 'inside')) {
    await killAndLook(scene, kill);
  }
});

async function killAndLook(scene: Scene, kill: Kill): Promise<void> {
  const name = `${kill.point} transaction ${kill.step}`;
  const calendarId = await prepare(scene);
  const { signal } = await crashes.renewInChild(calendarId, { kill });
  expect({ name, signal }).toEqual({ name, signal: 'SIGKILL' });
  for (const minutes of looks) await look(crashes.successor(minutes / minutesPerDay));
  await expectHeard(scene, calendarId, name);
}

/** One tick of each kind, and the work on channels that it rings for. */
async function look(engine: SyncDeps): Promise<void> {
  const jobs: JobRequest[] = [];
  const deps: SyncDeps = {
    ...engine,
    jobs: {
      enqueue: async (name, payload) => void jobs.push({ name, payload } as JobRequest),
      enqueueMany: async (requests) => void jobs.push(...requests),
    },
  };
  await drainWebhooks(deps);
  await planWatches(deps);
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    if (job.name === 'ensure-watch') {
      const { calendarId, ahead = false } = job.payload;
      await ensureWatch(deps, calendarId as CalendarId, { ahead });
    } else if (job.name === 'stop-watch') {
      const { watchId, resourceId } = job.payload;
      await stopWatch(deps, { watchId: watchId as WatchId, resourceId });
    }
  }
}

/** One channel lives, on the key that signs, nobody else speaks, and the row says so. */
async function expectHeard(scene: Scene, calendarId: CalendarId, name: string): Promise<void> {
  const { db, sandbox } = crashes.house;
  const channels = await db.transaction(
    { role: 'worker' },
    (tx) => tx.$queryRaw`
      select signing_key_id as key, coverage from calendar_sync_channels s join calendars c on c.id = s.calendar_id
       where c.id = ${calendarId}::uuid and s.state in ('creating', 'active', 'retired')`,
  );
  const { google, microsoft } = channelLives(sandbox);
  const own = new Map(
    scene.provider === 'google'
      ? google
      : [...microsoft].filter(([watched]) => watched.startsWith(mailbox())),
  );
  const now = sandbox.clock.now();
  const unheard = [...own.values()].flatMap((lives) => gaps(lives, now));
  expect({ name, channels, living: livingAt(own, now) }).toEqual({
    name,
    channels: [{ key: 'e2e', coverage: 'push' }],
    living: 1,
  });
  if (scene.isAlwaysHeard) expect({ name, unheard }).toEqual({ name, unheard: [] });
}

let mailboxes = 0;
const mailbox = (): string => `w${mailboxes}@example.test`;

/** The only calendar there is, with a channel that is due. */
async function prepare({ provider, because }: Scene): Promise<CalendarId> {
  const { house } = crashes;
  const { db, sandbox } = house;
  await db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`delete from calendar_sync_channels`;
    await tx.$executeRaw`delete from calendar_accounts`;
  });
  sandbox.push.clear();
  mailboxes += 1;
  const account = await connect(provider, mailbox());
  const deps = crashes.successor();
  await discoverAccount(deps, account.accountId);
  const calendarId = await house.calendarOf(account);
  expect(await ensureWatch(deps, calendarId)).toBe('watched');
  await db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`update calendars set synced_seq = dirty_seq`;
    await tx.$executeRawUnsafe(`update calendar_sync_channels set ${because}`);
    // A rotation a day ago.
    await tx.$executeRaw`
      update calendar_fleet set signing_key_id = 'e2e', signing_key_since = now() - interval '1 day'`;
  });
  return calendarId;
}

async function connect(provider: ProviderName, email: string): Promise<{ accountId: AccountId }> {
  const { house } = crashes;
  const { sandbox } = house;
  if (provider === 'google') {
    const account = sandbox.google.createAccount({ email });
    account.createCalendar({ primary: true });
    return house.addAccount({ provider, refreshTokens: account.refreshTokens });
  }
  const owner = sandbox.microsoft.createMailbox({ email });
  owner.createCalendar({ name: 'Calendar', isDefault: true });
  return house.addAccount({ provider, refreshTokens: owner.refreshTokens });
}
