/** The API and the sandbox's consent pages, and a browser that goes from one to the other and back. */
import { createConsents } from '@calfleet/providers';
import { sandboxClient, startSandbox, type Sandbox } from '@calfleet/sandbox';
import { checkedFetch } from './checked-fetch.ts';
import { openHouse, prefix, type House, type Reply } from './house.ts';

export type Dialect = 'google' | 'microsoft';

export const homeUri = 'https://app.example.test/connected?from=calfleet';
const now = '2026-11-20T12:00:00Z';

export interface Connecting {
  house: House;
  sandbox: Sandbox;
  begin(provider: Dialect, body?: Record<string, unknown>, user?: string): Promise<Trip>;
  /** @param location where the provider sent the browser */
  comeBack(location: string): Promise<Back>;
  /** From the first request to the last page. */
  connect(provider: Dialect, email: string, body?: Record<string, unknown>, user?: string): Promise<Back>;
  close(): Promise<void>;
}

export interface Trip {
  authorization_url: string;
  state: string;
  expires_at: string;
}

export interface Back {
  status: number;
  text: string;
  headers: Headers;
  /** Parameters that the application is told; null where it is told nothing. */
  told: Record<string, string> | null;
}

/** @param client what the API believes its client at the providers to be */
export async function openConnecting(client = sandboxClient): Promise<Connecting> {
  const sandbox = await startSandbox();
  sandbox.clock.set(Date.parse(now));
  const credentials = { clientId: client.id, clientSecret: client.secret };
  const house = await openHouse({
    connect: {
      // What the browser is sent to is read here, and its host changed to the port that the API was given.
      publicUrl: 'https://calendar.example.test/',
      redirectUris: [homeUri],
      consents: createConsents({
        timeoutMs: 5_000,
        google: {
          ...credentials,
          authUrl: `${sandbox.googleRootUrl}oauth2/auth`,
          tokenUrl: `${sandbox.googleRootUrl}oauth2/token`,
        },
        microsoft: { ...credentials, tenant: 'common', loginRootUrl: sandbox.microsoftLoginUrl },
      }),
    },
  });
  const begin = async (
    provider: Dialect,
    body: Record<string, unknown> = {},
    user = 'ada',
  ): Promise<Trip> => {
    const reply: Reply = await house.send(
      'POST',
      `/accounts/${provider}/authorize`,
      { access: 'read_write', redirect_uri: homeUri, ...body },
      { user },
    );
    if (reply.status !== 200) throw new Error(JSON.stringify(reply.body));
    return reply.body as unknown as Trip;
  };
  const comeBack = async (location: string): Promise<Back> => {
    const url = new URL(location);
    if (!url.pathname.startsWith(`${prefix}/oauth/`)) throw new Error(`not ours: ${url.pathname}`);
    const response = await checkedFetch('api')(house.api.url + url.pathname + url.search, {
      redirect: 'manual',
    });
    const home = response.headers.get('location');
    return {
      status: response.status,
      text: await response.text(),
      headers: response.headers,
      told: home === null ? null : Object.fromEntries(new URL(home).searchParams),
    };
  };
  return {
    house,
    sandbox,
    begin,
    comeBack,
    connect: async (provider, email, body, user) => {
      const trip = await begin(provider, body, user);
      return comeBack(sandbox.consent({ authorizationUrl: trip.authorization_url, account: email }));
    },
    close: async () => {
      await house.close();
      await sandbox.close();
    },
  };
}

/** A mailbox that has granted nothing yet. */
export function newMailbox(sandbox: Sandbox, provider: Dialect, email: string): void {
  if (provider === 'google') {
    sandbox.google.createAccount({ email, scopes: [] }).createCalendar({ primary: true });
  } else {
    sandbox.microsoft.createMailbox({ email, scopes: [], calendars: [{}] });
  }
}
