/** A small fleet, planted as rows: one of everything that the gauges tell apart. */
import type { Client } from 'pg';
import { newId } from '@calfleet/domain';

const key = Buffer.alloc(32);

export async function plantFleet(admin: Client, at: Date): Promise<void> {
  const ago = (ms: number) => new Date(at.getTime() - ms);
  const minute = 60_000;
  await admin.query('begin');
  await admin.query('set local role calfleet_worker');
  const account = async (provider: string, status: string): Promise<string> => {
    const id = newId();
    await admin.query(
      `insert into calendar_accounts (id, user_id, provider, status, data_key, refresh_token, created_at, updated_at)
       values ($1, 'ada', $2, $3, $4, $4, $5, $5)`,
      [id, provider, status, key, at],
    );
    return id;
  };
  const google = await account('google', 'active');
  const revoked = await account('google', 'reauth_needed');
  const microsoft = await account('microsoft', 'active');

  interface Planted {
    account: string;
    provider?: string;
    state?: string;
    coverage?: string;
    active?: boolean;
    syncedAgo?: number | null;
    refused?: boolean;
  }
  const calendar = async (row: Planted): Promise<string> => {
    const id = newId();
    const { syncedAgo = minute } = row;
    await admin.query(
      `insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
         state, coverage, active, account_active, last_synced_at, push_refused_at, created_at, updated_at)
       values ($1, 'ada', $2, $3, $1::uuid::text, 'x', 'UTC', 'owner', $4, $5, $6, $7, $8, $9, $10, $10)`,
      [
        id,
        row.account,
        row.provider ?? 'google',
        row.state ?? 'active',
        row.coverage ?? 'push',
        row.active ?? true,
        row.account !== revoked,
        syncedAgo === null ? null : ago(syncedAgo),
        row.refused ? at : null,
        at,
      ],
    );
    return id;
  };
  const first = await calendar({ account: google });
  await calendar({ account: google, syncedAgo: 20 * minute });
  await calendar({ account: google, coverage: 'none', syncedAgo: null });
  await calendar({ account: google, coverage: 'push' });
  await calendar({ account: google, state: 'paused', coverage: 'none' });
  await calendar({ account: google, active: false, coverage: 'none' });
  const idle = await calendar({ account: revoked, state: 'syncing' });
  const polled = { account: microsoft, provider: 'microsoft', coverage: 'poll', refused: true };
  await calendar({ ...polled, syncedAgo: 3 * 86_400_000 });

  const channel = (of: { calendar: string | null; state?: string; keyId?: string; inMs: number }) =>
    admin.query(
      `insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, resource_id,
         signing_key_id, expires_at, created_at, updated_at)
       values ($1, 'ada', $2, $3, 'google', $4, 'r', $5, $6, $7, $7)`,
      [newId(), google, of.calendar, of.state ?? 'active', of.keyId ?? 'k1', ago(-of.inMs), at],
    );
  await channel({ calendar: first, inMs: 60 * minute });
  await channel({ calendar: first, inMs: 90 * minute, keyId: 'k2' });
  // Its account is revoked: it runs out, and that is right.
  await channel({ calendar: idle, inMs: 5 * minute });
  await channel({ calendar: first, state: 'retired', inMs: minute });
  await channel({ calendar: first, state: 'abandoned', inMs: minute });
  await channel({ calendar: null, keyId: 'k2', inMs: minute });

  for (const n of [1, 2]) {
    await admin.query(
      `insert into calendar_quarantine (id, user_id, calendar_id, provider_event_id, code, reason, raw, first_seen_at,
         last_seen_at) values ($1, 'ada', $2, $3, 'unreadable', 'x', $4, $5, $5)`,
      [newId(), first, `event-${n}`, key, at],
    );
  }
  for (const [finishedAgo, differences] of [
    [60 * minute, 2],
    [2 * 86_400_000, 90],
  ] as const) {
    await admin.query(
      `insert into calendar_audits (id, user_id, account_id, calendar_id, outcome, seen, differences, requested_at,
         finished_at) values ($1, 'ada', $2, $3, 'completed', 100, $4, $5, $5)`,
      [newId(), google, first, differences, ago(finishedAgo)],
    );
  }
  await admin.query(
    `insert into calendar_schedules (name, started_at, ended_at, succeeded_at, outcome, error)
     values ('cleanup', $1, $1, $2, 'failed', 'bug'), ('auto-sync', $1, null, null, 'running', null)`,
    [ago(minute), ago(10 * minute)],
  );
  await plantWrites(admin, { account: google, calendar: first, revoked, idle, at });
  await admin.query('commit');
}

/** What waits to be written, what a person has to look at, and an account that was stopped. */
async function plantWrites(
  admin: Client,
  of: { account: string; calendar: string; revoked: string; idle: string; at: Date },
): Promise<void> {
  const write = async (
    state: string,
    minutesAgo: number,
    more: { calendar?: string; foldedInto?: string; code?: string } = {},
  ): Promise<string> => {
    const [id, eventId] = [newId(), newId()];
    const { calendar = of.calendar, foldedInto = null, code = null } = more;
    await admin.query(
      `insert into calendar_events (id, user_id, calendar_id, kind, status, all_day, start_date, end_date, visibility,
         transparency, event_type, fingerprint, created_at, updated_at, generation, last_confirmed_at)
       values ($1, 'ada', $2, 'single', 'confirmed', true, '2026-11-24', '2026-11-25', 'default', 'opaque', 'default', '',
         $3, $3, 1, $3)`,
      [eventId, calendar, of.at],
    );
    await admin.query(
      `insert into calendar_writes (id, user_id, account_id, calendar_id, event_id, op, state, folded_into, error,
         applied_at, created_at, updated_at)
       values ($1, 'ada', $2, $3, $4, 'create', $5, $6, $7, $8, $9, $9)`,
      [
        id,
        calendar === of.idle ? of.revoked : of.account,
        calendar,
        eventId,
        state,
        foldedInto,
        code === null ? null : JSON.stringify({ code, message: 'x' }),
        state === 'applied' ? of.at : null,
        new Date(of.at.getTime() - minutesAgo * 60_000),
      ],
    );
    return id;
  };
  const waiting = await write('pending', 3);
  await write('pending', 30, { foldedInto: waiting });
  await write('pushing', 2);
  // Its account is revoked: nobody can write for it.
  await write('pending', 300, { calendar: of.idle });
  await write('applied', 600);
  await write('parked', 50, { code: 'request_rejected' });
  await write('parked', 50, { code: 'rate_limited' });
  const open = await write('conflict', 20);
  await admin.query(
    `insert into calendar_sync_conflicts (id, user_id, account_id, calendar_id, event_id, write_id, fields, strategy,
       status, created_at)
     select $1, user_id, account_id, calendar_id, event_id, id, '{summary}', 'manual', 'open', created_at
     from calendar_writes where id = $2`,
    [newId(), open],
  );
  await admin.query(
    `update calendar_accounts set writes_stopped_at = $2, writes_stopped_reason = 'x' where id = $1`,
    [of.revoked, of.at],
  );
}
