/** Ports for the fleet: the usual ones where they are free. One that somebody asked for is never swapped quietly. */
import { createServer, type AddressInfo } from 'node:net';
import type { Environment } from '@calfleet/config';

/** A setting, its default, and the host it will be listened on (all interfaces when left out). */
export interface PortWish {
  setting: string;
  usual: number;
  host?: string;
}

export class PortTaken extends Error {
  constructor(setting: string, port: number) {
    super(
      `${setting}=${port} is in use by another program. Choose another port, or unset it for any free one.`,
    );
    this.name = 'PortTaken';
  }
}

/** @throws PortTaken when a port that the environment names is in use */
export async function choosePorts(
  wishes: readonly PortWish[],
  env: Environment,
  say: (line: string) => void,
): Promise<Record<string, string>> {
  const chosen = new Map<string, number>();
  for (const wish of wishes) {
    const asked = env[wish.setting]?.trim() ?? '';
    const wanted = asked === '' ? wish.usual : Number(asked);
    const isOurs = [...chosen.values()].includes(wanted);
    if (wanted !== 0 && !isOurs && (await isFree(wanted, wish.host))) {
      chosen.set(wish.setting, wanted);
      continue;
    }
    if (asked !== '' && wanted !== 0) throw new PortTaken(wish.setting, wanted);
    const free = await anyFree(new Set(chosen.values()), wish.host);
    if (wanted !== 0) say(`Port ${wanted} is in use: ${wish.setting} is ${free} this time.`);
    chosen.set(wish.setting, free);
  }
  return Object.fromEntries([...chosen].map(([setting, port]) => [setting, String(port)]));
}

async function anyFree(except: ReadonlySet<number>, host: string | undefined): Promise<number> {
  for (;;) {
    const port = await tryListen(0, host);
    if (port !== null && !except.has(port)) return port;
  }
}

const isFree = async (port: number, host: string | undefined): Promise<boolean> =>
  // A listener on loopback alone does not keep us from listening on all interfaces, yet it would get our requests.
  (await tryListen(port, host)) !== null && (await tryListen(port, '127.0.0.1')) !== null;

function tryListen(port: number, host: string | undefined): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port;
      server.close(() => resolve(bound));
    });
  });
}
