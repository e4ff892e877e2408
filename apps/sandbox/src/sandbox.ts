/** A running sandbox: the world, its HTTP side, and the handles tests use in the same process. */
import { SandboxClock, realTime, type SandboxTime } from './clock.ts';
import { consent, type ConsentWish } from './control/consent.ts';
import { GoogleOwner } from './control/owner.ts';
import { changeQuirks, type QuirkChanges, type Quirks } from './faults/quirks.ts';
import type { Faults } from './faults/faults.ts';
import type { Push } from './push/push.ts';
import { MicrosoftOwner } from './microsoft/owner.ts';
import { MicrosoftWorld } from './microsoft/world.ts';
import { listen } from './server.ts';
import type { Usage } from './store/usage.ts';
import { World, type OAuthClient } from './store/world.ts';

export interface SandboxOptions {
  /** Default 127.0.0.1: what stands here holds no secrets, but nobody else needs it either. */
  host?: string;
  /** Default 0: any free one. */
  port?: number;
  /** Default 1. The same seed and the same requests give the same ids, etags, pages and faults. */
  seed?: number;
  /** OAuth clients that may use the token endpoint. Default: {@link sandboxClient}. */
  clients?: readonly OAuthClient[];
  /** Hosts besides loopback that notifications may reach over plain http. */
  pushHttpHosts?: readonly string[];
  time?: SandboxTime;
}

export interface Sandbox {
  /** `http://127.0.0.1:PORT`, without a slash. */
  readonly url: string;
  /** Root of Google's APIs, with a slash: what GOOGLE_API_ROOT_URL wants. */
  readonly googleRootUrl: string;
  /** Root of Graph, without a slash: what MICROSOFT_GRAPH_ROOT_URL wants. */
  readonly microsoftRootUrl: string;
  /** The login host, without a slash; tenants come behind it: what MICROSOFT_LOGIN_ROOT_URL wants. */
  readonly microsoftLoginUrl: string;
  readonly google: GoogleOwner;
  readonly microsoft: MicrosoftOwner;
  readonly faults: Faults;
  readonly push: Push;
  readonly usage: Usage;
  readonly clock: SandboxClock;
  readonly quirks: Quirks;
  setQuirks(changes: QuirkChanges): void;
  /** A person decides on a consent page. @returns where the browser is sent next */
  consent(wish: ConsentWish): string;
  /** Forgets accounts, calendars, tokens, channels, faults and knobs of both providers; time stays. */
  reset(): void;
  close(): Promise<void>;
}

export const sandboxClient: OAuthClient = { id: 'sandbox-client', secret: 'sandbox-secret' };

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = new SandboxClock(options.time ?? realTime);
  const clients = options.clients ?? [sandboxClient];
  const seed = options.seed ?? 1;
  const pushHttpHosts = options.pushHttpHosts ?? [];
  const world = new World(clock, clients, seed, pushHttpHosts);
  const { faults, usage, push } = world;
  const graph = new MicrosoftWorld({ clock, clients, faults, usage, seed, pushHttpHosts });
  const core = { world, google: new GoogleOwner(world), graph, microsoft: new MicrosoftOwner(graph) };
  const listener = await listen(core, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  return {
    url: listener.url,
    googleRootUrl: `${listener.url}/google/`,
    microsoftRootUrl: `${listener.url}/microsoft/v1.0`,
    microsoftLoginUrl: `${listener.url}/microsoft/login`,
    google: core.google,
    microsoft: core.microsoft,
    faults,
    push,
    usage,
    clock,
    get quirks() {
      return world.quirks;
    },
    setQuirks: (changes) => {
      world.quirks = changeQuirks(world.quirks, changes);
    },
    consent: (wish) => consent(core, wish).location,
    reset: () => {
      world.clear();
      graph.clear();
    },
    close: async () => {
      await listener.close();
      world.push.close();
      graph.close();
    },
  };
}
