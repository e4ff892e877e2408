/** The sandbox as a process. Prints one line of JSON when it listens, and tells its parent; ends on SIGTERM, SIGINT, or with its parent. */
import { seedDemo } from './seed/demo.ts';
import { seedDemoMailboxes } from './seed/demo-microsoft.ts';
import { sandboxClient, startSandbox } from './sandbox.ts';

async function main(): Promise<void> {
  const { env } = process;
  const seed = Number(env.SANDBOX_SEED_NUMBER ?? 1);
  const sandbox = await startSandbox({
    host: env.SANDBOX_HOST || '127.0.0.1',
    port: Number(env.SANDBOX_PORT ?? 4010),
    seed,
    clients: [
      {
        id: env.SANDBOX_CLIENT_ID ?? sandboxClient.id,
        secret: env.SANDBOX_CLIENT_SECRET ?? sandboxClient.secret,
      },
    ],
    // Names of other containers, comma separated.
    pushHttpHosts: (env.SANDBOX_PUSH_HTTP_HOSTS ?? '').split(',').filter((host) => host !== ''),
  });
  let isClosing = false;
  const close = (): void => {
    if (isClosing) return;
    isClosing = true;
    void sandbox.close().then(() => {
      if (process.connected) process.disconnect();
    });
  };
  process.once('SIGTERM', close);
  process.once('SIGINT', close);
  process.once('disconnect', close);
  try {
    if (env.SANDBOX_SEED === 'demo') {
      const options = { seed, now: new Date(sandbox.clock.now()) };
      seedDemo(sandbox.google, options);
      seedDemoMailboxes(sandbox.microsoft, options);
    }
  } catch (error) {
    close();
    throw error;
  }
  process.stdout.write(`${JSON.stringify({ listening: sandbox.url })}\n`);
  if (process.connected) process.send?.({ listening: sandbox.url }, undefined, undefined, () => undefined);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
