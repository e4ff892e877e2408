/**
 * What one tenant's first mirror of 100 calendars with 5,000 events each does to another tenant's changes: from an edit
 * to its row, while the mirror is filled, beside the same on an idle fleet.
 */
import { createProducer } from '@calfleet/jobs';
import type { Figure } from '../figures.ts';
import type { Ground, Store } from '../ground.ts';
import { enterAccount } from '../planting.ts';
import { percentile } from '../statistics.ts';
import { editSteadily, startFleet, until } from './latency.ts';

const perSecond = 10;
const prefix = '{fairness}';
const aim = 2;

export async function benchFairness(ground: Ground): Promise<Figure[]> {
  const large = ground.quick ? { calendars: 10, events: 1_000 } : { calendars: 100, events: 5_000 };
  const edits = perSecond * (ground.quick ? 3 : 20);
  const store = await ground.openStore('fairness');
  const onError = () => undefined;
  const producer = createProducer({ redisUrl: ground.redisUrl, prefix, onError, timeoutMs: 30_000 });
  const fleet = await startFleet(ground, store, { count: 20, prefix });
  try {
    const grant = await plantLarge(ground, large);
    const idle = await editSteadily(store, fleet.calendars, { edits, perSecond });
    const account = await enterAccount(ground, store, { provider: 'google', ...grant, listed: false });
    await producer.enqueue('discover-account', { accountId: account.id });
    await until('the first mirror is under way', async () => (await mirrored(store, account.userId)) > 0);
    const during = await editSteadily(store, fleet.calendars, { edits, perSecond });
    const done = await mirrored(store, account.userId);
    return [figureOf({ idle, during, done, all: large.calendars * large.events, edits })];
  } finally {
    await fleet.close();
    await producer.close();
    await store.close();
  }
}

async function plantLarge(
  ground: Ground,
  { calendars, events }: { calendars: number; events: number },
): Promise<{ email: string; refreshToken: string }> {
  const { control } = ground.sandbox;
  const { email, refreshToken } = await control.createAccount({ email: 'large@bench.test' });
  for (let n = 0; n < calendars; n += 1) {
    const { id } = await control.account(email).createCalendar();
    await control.seedMany({ account: email, calendar: id, events });
  }
  return { email, refreshToken };
}

async function mirrored(store: Store, userId: string): Promise<number> {
  const { rows } = await store.admin.query<{ events: number }>(
    'select count(*)::int as events from calendar_events where user_id = $1',
    [userId],
  );
  return rows[0]?.events ?? 0;
}

function figureOf({
  idle,
  during,
  done,
  all,
  edits,
}: {
  idle: readonly number[];
  during: readonly number[];
  done: number;
  all: number;
  edits: number;
}): Figure {
  const [mine, least] = [percentile(during, 95), percentile(idle, 95)];
  return {
    what: 'notification to row beside a large first mirror, p95',
    ours: mine,
    unit: 'ms',
    floor: least,
    ratio: least / mine,
    aim: { text: `≤ ${aim} × idle`, met: mine <= aim * least },
    note:
      `${edits} edits, ${perSecond}/s, of one tenant while another tenant's ${all.toLocaleString('en-US')} events are ` +
      `mirrored for the first time (${done.toLocaleString('en-US')} done at the last edit), one worker as shipped; p50 ` +
      `${percentile(during, 50).toFixed(0)} ms (idle ${percentile(idle, 50).toFixed(0)}); floor: the same on the idle fleet`,
  };
}
