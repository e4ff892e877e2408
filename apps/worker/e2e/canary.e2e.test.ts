/**
 * Nothing of a user's in any log line or metric: a run at debug level in which everything fails that can, over events,
 * tokens and addresses that each hold a canary.
 */
import { Client } from 'pg';
import { eventually } from '@calfleet/testkit';
import type { CalendarOwner, FaultPlan } from '@calfleet/sandbox';
import type { ProcessName } from '@calfleet/telemetry';
import { checkedFetch } from '../../api/src/testing/checked-fetch.ts';
import { openTelemetryHouse, type TelemetryHouse } from './telemetry-house.ts';

let house: TelemetryHouse;

beforeAll(async () => {
  house = await openTelemetryHouse();
});
afterAll(() => house.close());

const canary = 'canary';
const processes: ProcessName[] = ['ingress', 'api', 'worker'];

const googleEvent = (summary: string) => ({
  summary: `${canary} ${summary}`,
  description: `${canary} description`,
  location: `${canary} street`,
  attendees: [{ email: `${canary}-guest@example.test`, displayName: `${canary} guest` }],
  start: { dateTime: '2026-12-01T10:00:00Z' },
  end: { dateTime: '2026-12-01T11:00:00Z' },
});

const microsoftEvent = (subject: string) => ({
  subject: `${canary} ${subject}`,
  body: { contentType: 'text' as const, content: `${canary} body` },
  location: { displayName: `${canary} street` },
  attendees: [{ emailAddress: { address: `${canary}-guest@example.test`, name: `${canary} guest` } }],
  start: { dateTime: '2026-12-01T10:00:00', timeZone: 'UTC' },
  end: { dateTime: '2026-12-01T11:00:00', timeZone: 'UTC' },
});

/** The failures that a run goes through, one by one; each is over, and its change stored, before the next begins. */
const effects: FaultPlan['effect'][] = [
  { kind: 'status', status: 500, message: `${canary} inside of an error` },
  { kind: 'status', status: 429, message: `${canary} too many`, retryAfterSeconds: 1 },
  { kind: 'drop_before' },
  { kind: 'torn_body' },
];

test('no canary sings: not in a line of any process, nor in what it counts', async () => {
  const ada = house.sandbox.google.createAccount({
    email: `${canary}-ada@example.test`,
    name: `${canary} Ada`,
  });
  const google = ada.createCalendar({ primary: true, summary: `${canary} calendar` });
  google.insert(googleEvent('before'));
  const lin = house.sandbox.microsoft.createMailbox({
    email: `${canary}-lin@example.test`,
    name: `${canary} Lin`,
  });
  const microsoft = lin.createCalendar({ name: `${canary} calendar`, isDefault: true });
  microsoft.create(microsoftEvent('before'));
  const tokens = [...ada.refreshTokens, ...lin.refreshTokens];
  await house.connect({ provider: 'google', refreshToken: ada.refreshTokens[0] });
  await house.connect({ provider: 'microsoft', refreshToken: lin.refreshTokens[0] });
  await house.settled(2);

  for (const effect of effects) {
    house.sandbox.faults.add({ operation: 'events.list', effect });
    house.sandbox.faults.add({ operation: 'graph.delta', effect });
    google.insert(googleEvent(effect.kind));
    microsoft.create(microsoftEvent(effect.kind));
    await eventually(() => expect(house.sandbox.faults.list().every(({ left }) => left === 0)).toBe(true));
    await house.settled(2);
  }
  google.expireSyncTokens();
  google.insert(googleEvent('after the cursor died'));
  await house.settled(2);
  await poison(google);
  // Text that is no notification, with a canary in each place.
  await knock();
  ada.revoke();
  google.insert(googleEvent('nobody may read it'));
  await eventually(() => expect(said('A pull failed', 'credentials_revoked')).toBe(true));

  // All of it did happen, and was told.
  for (const code of ['provider_unavailable', 'rate_limited', 'credentials_revoked']) {
    expect([code, said('A pull failed', code)]).toEqual([code, true]);
  }
  expect(house.lines().some(({ message }) => message === 'The cursor is dead: the round begins again')).toBe(
    true,
  );
  expect(await house.sum('worker', 'calfleet_quarantined_total', { code: 'unstorable' })).toBe(1);

  // What is looked for went through all of it: the mirror holds it.
  const { rows } = await asAdmin((admin) =>
    admin.query<{ events: number }>(
      `select count(*)::int as events from calendar_events where to_jsonb(calendar_events)::text like '%canary%'`,
    ),
  );
  expect(rows[0]?.events).toBeGreaterThanOrEqual(2 * effects.length);
  expect(house.said.length).toBeGreaterThan(50);
  const accessTokens = [ada.accessToken(), lin.accessToken()];
  const exposed = await Promise.all(processes.map((process) => house.metricsOf(process)));
  for (const text of [...house.said, ...exposed]) {
    expect(text).not.toContain(canary);
    for (const token of [...tokens, ...accessTokens]) expect(text).not.toContain(token);
    expect(text).not.toMatch(/@example\.test|Bearer [\w.-]+|"(?:ya29|1\/\/)/);
  }
});

const said = (message: string, code: string): boolean =>
  house.lines().some((line) => line.message === message && line['code'] === code);

/** Postgres quotes the row that it refuses. */
async function poison(owner: CalendarOwner): Promise<void> {
  await asAdmin((admin) =>
    admin.query(
      `alter table calendar_events add constraint poison check (summary is distinct from 'canary poison')`,
    ),
  );
  owner.insert(googleEvent('poison'));
  await eventually(async () =>
    expect(await house.sum('worker', 'calfleet_quarantined_total', { code: 'unstorable' })).toBe(1),
  );
  await house.settled(2);
}

async function asAdmin<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: house.database.adminUrl });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function knock(): Promise<void> {
  const path = `${house.ingressUrl}/integrations/calendar/webhooks`;
  const fetch = checkedFetch('ingress');
  await fetch(`${path}/google?${canary}=1`, { method: 'POST', headers: { 'x-goog-channel-token': canary } });
  await fetch(`${path}/microsoft`, { method: 'POST', body: `{"value":[{"clientState":"${canary}"}]}` });
  await fetch(`${house.ingressUrl}/${canary}-nowhere`);
  await house.ask('GET', `/events?q=${canary}`);
  await house.ask('POST', '/accounts', { body: { provider: 'google', refresh_token: 7, [canary]: canary } });
}
