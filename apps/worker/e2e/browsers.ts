/** Who goes through a consent page: a reader of its form by HTTP alone, and, on a machine that has it, Chromium. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { eventually } from '@calfleet/testkit';

export interface Decision {
  account: string;
  decision: 'allow' | 'cancel';
  /** Boxes that are unticked: those whose permission holds one of these words. */
  untick?: string;
}

export interface Browser {
  name: string;
  /** Opens a consent page and decides. @returns where that ends, and what stands there */
  consent(url: string, decision: Decision): Promise<{ url: string; text: string }>;
  close(): Promise<void>;
}

export const formReader: Browser = {
  name: 'a reader of forms',
  consent: async (url, { account, decision, untick }) => {
    const page = await fetch(url);
    const html = await page.text();
    expect(html).toContain('<form method="post">');
    expect(html).toContain(`value="${decision}"`);
    const boxes = [...html.matchAll(/type="checkbox" name="scope" value="([^"]+)" checked/g)];
    const ticked = boxes.flatMap(([, scope = '']) =>
      untick !== undefined && scope.includes(untick) ? [] : [scope],
    );
    const form = new URLSearchParams({ account, decision });
    for (const scope of ticked) form.append('scope', scope);
    const end = await fetch(page.url, { method: 'POST', body: form });
    return { url: end.url, text: await end.text() };
  },
  close: async () => undefined,
};

const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

/** Every browser of this machine. */
export const openBrowsers = (): Browser[] => [
  formReader,
  ...(chromiumPath === undefined ? [] : [openChromium(chromiumPath)]),
];

/** Spoken to through a pipe (--remote-debugging-pipe): one JSON message, one zero byte. */
function openChromium(path: string): Browser {
  const profile = mkdtempSync(join(tmpdir(), 'calfleet-chromium-'));
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-dev-shm-usage',
  ];
  const child = spawn(path, [...flags, `--user-data-dir=${profile}`, '--remote-debugging-pipe'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const send = createSender(child);
  return {
    name: 'Chromium',
    consent: async (url, decision) => {
      const { targetId } = await send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
      const attach = { targetId, flatten: true };
      const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', attach);
      const run = async <T>(expression: string): Promise<T> => {
        const options = { expression, returnByValue: true };
        const { result } = await send<{ result: { value: T } }>('Runtime.evaluate', options, sessionId);
        return result.value;
      };
      await send('Page.navigate', { url }, sessionId);
      await eventually(async () => run<boolean>(`document.querySelector('form button') !== null`));
      await run(decide(decision));
      // Wherever it leads: a page that is whole, and not the form.
      await eventually(async () =>
        run<boolean>(
          `document.readyState === 'complete' && !document.querySelector('form') && location.href !== 'about:blank'`,
        ),
      );
      const end = await run<{ url: string; text: string }>(
        `({ url: location.href, text: document.body.innerText })`,
      );
      await send('Target.closeTarget', { targetId });
      return end;
    },
    close: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const decide = ({ account, decision, untick }: Decision): string => `
  document.querySelector('select').value = ${JSON.stringify(account)};
  for (const box of document.querySelectorAll('input[type=checkbox]')) {
    if (${JSON.stringify(untick ?? null)} !== null && box.value.includes(${JSON.stringify(untick ?? '')})) box.click();
  }
  document.querySelector('button[value=${decision}]').click();`;

type Send = <T>(method: string, params: object, sessionId?: string) => Promise<T>;

function createSender(child: ChildProcess): Send {
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let [lastId, received] = [0, ''];
  output.on('data', (chunk: Buffer) => {
    const messages = (received + chunk.toString()).split('\0');
    received = messages.pop() ?? '';
    for (const message of messages) {
      const { id, result, error } = JSON.parse(message) as { id?: number; result?: never; error?: object };
      const asked = id === undefined ? undefined : waiting.get(id);
      if (id === undefined || !asked) continue;
      waiting.delete(id);
      if (error || result === undefined) asked.reject(new Error(JSON.stringify(error)));
      else asked.resolve(result);
    }
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('Chromium has gone'));
  });
  return (method, params, sessionId) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      input.write(`${JSON.stringify({ id: lastId, method, params, sessionId })}\0`);
    });
}
