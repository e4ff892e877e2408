/** Several processes of one role behind one door, which one after the other can be replaced. */
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@calfleet/testkit';
import type { RunningProgram } from './bundle.ts';

/** How often a balancer asks its backends whether they are ready. */
const probeMs = 250;

export interface Instance {
  running: RunningProgram;
  url: string;
  isReady: boolean;
}

/** `status`: of the answer, or why there was none. */
export interface Answer {
  status: string;
  body: string;
}

/** Resolves when it says where it listens. */
export async function listening(running: RunningProgram): Promise<Instance> {
  const url = await eventually(() => /"listening":"([^"]+)"/.exec(running.output())?.[1] ?? false);
  return { running, url, isReady: true };
}

export async function endInstance({ running }: Instance): Promise<void> {
  running.process.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ signal: null, code: 0 });
}

/**
 * As balancers do: in turns among those that say they are ready, asked four times a second; a backend that refuses the
 * connection was asked nothing, and the next one is. Whatever else goes wrong is a failed request.
 */
export class Balancer {
  private turn = 0;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 16 });
  private readonly stopping = new AbortController();
  private readonly probing: Promise<void>;
  readonly statuses: Record<string, number> = {};

  constructor(readonly instances: Instance[]) {
    this.probing = this.probe();
  }

  async send(
    path: string,
    options: { method: string; headers: Record<string, string>; body?: string },
  ): Promise<Answer> {
    for (let tries = 0; tries < 4; tries += 1) {
      const ready = this.instances.filter(({ isReady }) => isReady);
      const chosen = ready[(this.turn += 1) % Math.max(1, ready.length)];
      const answer = chosen ? await this.ask(chosen, path, options) : { status: 'nobody is ready', body: '' };
      if (answer.status === 'ECONNREFUSED') continue;
      return this.count(answer);
    }
    return this.count({ status: 'refused by all', body: '' });
  }

  private count(answer: Answer): Answer {
    this.statuses[answer.status] = (this.statuses[answer.status] ?? 0) + 1;
    return answer;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.probing;
    this.agent.destroy();
  }

  private async probe(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      for (const instance of this.instances) {
        instance.isReady = await fetch(`${instance.url}/readyz`).then(
          (response) => response.ok,
          () => false,
        );
      }
      await pause(probeMs);
    }
  }

  private ask(
    { url }: Instance,
    path: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: string },
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const fail = (error: NodeJS.ErrnoException) =>
        resolve({ status: error.code ?? error.message, body: '' });
      const sending = request(`${url}${path}`, { method, headers, agent: this.agent }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: String(response.statusCode), body }));
        response.on('error', fail);
      });
      sending.on('error', fail);
      sending.end(body);
    });
  }
}
