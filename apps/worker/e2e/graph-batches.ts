/** Batches of Graph's notifications as it sends them, and calendars whose watches they name. */
import { Agent, request } from 'node:http';
import type { Database } from '@calfleet/db';
import { newId, systemClock, type AccountId, type CalendarId, type WatchId } from '@calfleet/domain';
import { microsoftPath } from '@calfleet/ingress';
import { createChannelSigner } from '@calfleet/vault';

export interface WatchedCalendar {
  id: CalendarId;
  watchId: WatchId;
  subscriptionId: string;
  clientState: string;
}

/**
 * Watched calendars of one Microsoft account, as the engine leaves them behind a subscription.
 * @param signingKeys the setting `CHANNEL_SIGNING_KEYS` of one key
 */
export async function plantCalendars(
  db: Database,
  { count, signingKeys }: { count: number; signingKeys: string },
): Promise<WatchedCalendar[]> {
  const [keyId = '', key = ''] = signingKeys.split(':');
  const signer = createChannelSigner([{ id: keyId, key: Buffer.from(key, 'base64') }]);
  const calendars = Array.from({ length: count }, (): WatchedCalendar => {
    const watchId = newId<WatchId>();
    const clientState = signer.signClientState(watchId).token;
    return { id: newId<CalendarId>(), watchId, subscriptionId: newId(), clientState };
  });
  const [accountId, at] = [newId<AccountId>(), systemClock.now()];
  const user = `user-${accountId}`;
  const rows = JSON.stringify(calendars);
  await db.transaction({ role: 'worker' }, async (tx) => {
    await tx.$executeRaw`
      insert into calendar_accounts (id, user_id, provider, data_key, refresh_token, calendars_listed_at, created_at,
        updated_at)
      values (${accountId}::uuid, ${user}, 'microsoft', '\\x00', '\\x00', ${at}, ${at}, ${at})`;
    await tx.$executeRaw`
      insert into calendars (id, user_id, account_id, provider, provider_calendar_id, name, time_zone, access_role,
        coverage, next_pull_at, created_at, updated_at)
      select id, ${user}, ${accountId}::uuid, 'microsoft', 'calendar-' || id, 'Burst', 'UTC', 'owner', 'push', ${at},
        ${at}, ${at}
        from jsonb_to_recordset(${rows}::jsonb) as row (id uuid)`;
    await tx.$executeRaw`
      insert into calendar_sync_channels (id, user_id, account_id, calendar_id, provider, state, signing_key_id,
        resource_id, expires_at, created_at, updated_at)
      select "watchId", ${user}, ${accountId}::uuid, id, 'microsoft', 'active', ${keyId}, "subscriptionId",
        '2099-01-01', ${at}, ${at}
        from jsonb_to_recordset(${rows}::jsonb) as row (id uuid, "watchId" uuid, "subscriptionId" text)`;
  });
  return calendars;
}

/** A body of one change for each of the calendars; about 850 bytes an item, as real ones. */
export function batchOf(calendars: readonly WatchedCalendar[]): string {
  const value = calendars.map(({ subscriptionId, clientState, id }) => {
    const resource = `Users/ddfcd489-628b-40d7-b48b-57002df800e5/Events/AAMkADIwM${id.repeat(3)}=`;
    return {
      subscriptionId,
      subscriptionExpirationDateTime: '2099-01-01T00:00:00.0000000+00:00',
      changeType: 'updated',
      resource,
      resourceData: {
        '@odata.type': '#Microsoft.Graph.Event',
        '@odata.id': resource,
        '@odata.etag': 'W/"DwAAABYAAADqhYf1bSx7Q6zGqM7XJ9cVAAAB"',
        id: `AAMkADIwM${id.repeat(3)}=`,
      },
      clientState,
      tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
    };
  });
  return JSON.stringify({ value });
}

export interface BatchAnswer {
  /** 0 stands for no answer. */
  status: number;
  ms: number;
}

/**
 * Sends bodies over kept-alive connections, one after the other on each.
 * @param bodyOf made when its turn comes, so that thousands of them need no memory
 * @returns the answers in the order of the bodies
 */
export async function sendBatches(
  ingress: { url: string },
  bodyOf: (index: number) => string,
  { count, atOnce }: { count: number; atOnce: number },
): Promise<BatchAnswer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const answers: BatchAnswer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const body = bodyOf(index);
      const startedAt = performance.now();
      const status = await post(`${ingress.url}${microsoftPath}`, body, agent);
      answers[index] = { status, ms: performance.now() - startedAt };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  agent.destroy();
  return answers;
}

const post = (url: string, body: string, agent: Agent): Promise<number> =>
  new Promise((resolve) => {
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
    };
    const sending = request(url, { method: 'POST', headers, agent, timeout: 30_000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    });
    sending.on('timeout', () => sending.destroy());
    sending.on('error', () => resolve(0));
    sending.end(body);
  });
