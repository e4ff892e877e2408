/** What a person sees once the fleet runs: the demo and its figures, or how to connect a real account. */
import { ControlClient } from '@calfleet/sandbox';
import { ApiClient } from './api-client.ts';
import { connectDemo, demoUsers, watchMirror } from './demo.ts';
import type { LaunchOptions } from './launch.ts';
import { showLiveEdit } from './live-edit.ts';
import { loopback, wantsSandbox } from './settings.ts';
import { addresses, curlEvents, howToConnect, mirrorSummary, providerTitles, readCounts } from './summary.ts';

/** @throws in `once` mode, what kept the demo from its end; else that is said and the fleet goes on */
export async function present(launcher: LaunchOptions, settings: Record<string, string>): Promise<void> {
  const { env, options, say, now, stop } = launcher;
  const adminKey = settings['CALFLEET_ADMIN_KEY'] ?? '';
  if (wantsSandbox(env) && settings['SANDBOX_SEED'] === 'demo') {
    try {
      await showDemo(launcher, settings);
    } catch (error) {
      if (options.once || stop.aborted) throw error;
      say(`The demo did not come to its end: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  addresses(settings, adminKey).forEach(say);
  if (wantsSandbox(env)) {
    const userId = demoUsers[0]?.id ?? 'ada';
    say(`The next days of ${userId}:`);
    say(curlEvents(settings, { adminKey, userId, now: new Date(now()) }));
    say('');
  } else howToConnect(settings, adminKey).forEach(say);
  say('Logs are in .calfleet/logs.' + (options.once ? '' : ' Ctrl-C stops everything.'));
}

async function showDemo(launcher: LaunchOptions, settings: Record<string, string>): Promise<void> {
  const { say, now, stop } = launcher;
  const apiUrl = loopback(settings['API_PORT']);
  const sandboxUrl = loopback(settings['SANDBOX_PORT']);
  const clients = demoUsers.map(({ id }) => new ApiClient(apiUrl, settings['CALFLEET_ADMIN_KEY'] ?? '', id));
  const startedAt = now();
  const connected = await connectDemo(clients);
  const names = demoUsers.map(({ id }) => id).join(', ');
  say(
    connected > 0
      ? `Connected ${names} to the sandbox; mirroring their calendars`
      : `${names} are connected; the sandbox began anew, so their calendars are compared in full`,
  );
  await watchMirror(clients, { say, now, stop });
  const tookMs = now() - startedAt;
  const { requests } = await new ControlClient(sandboxUrl).usage();
  mirrorSummary({ counts: await readCounts(settings), tookMs, providerCalls: requests }).forEach(say);

  const [client] = clients;
  const [user] = demoUsers;
  if (!client || !user) return;
  for (const { provider, email } of user.mailboxes) {
    const edit = await showLiveEdit({ client, provider, email, sandboxUrl }, { now, stop });
    say(
      `${user.name} added "${edit.summary}" at ${providerTitles[provider]} in the sandbox: ` +
        `in the change feed after ${edit.delayMs} ms`,
    );
  }
}
