/** Google's own client against the sandbox: what it accepts here it accepts there. */
import { auth as google, calendar } from 'googleapis/build/src/apis/calendar';
import { startReceiver } from './push/receiver.ts';
import { sandboxClient, startSandbox, type Sandbox } from './sandbox.ts';
import { meeting } from './google/visitor.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox();
  sandbox.google
    .createAccount({ email: 'ada@example.test', refreshToken: 'refresh-ada' })
    .createCalendar({ primary: true });
});

afterEach(() => sandbox.close());

function connect(): { api: ReturnType<typeof calendar>; at: { rootUrl: string; retry: false } } {
  const auth = new google.OAuth2({
    clientId: sandboxClient.id,
    clientSecret: sandboxClient.secret,
    // Without it gaxios loads node-fetch by a dynamic import, which jest cannot do.
    transporterOptions: { fetchImplementation: fetch },
    endpoints: { oauth2TokenUrl: `${sandbox.googleRootUrl}oauth2/token` },
  });
  auth.setCredentials({ refresh_token: 'refresh-ada' });
  return { api: calendar({ version: 'v3', auth }), at: { rootUrl: sandbox.googleRootUrl, retry: false } };
}

it('refreshes, writes, lists, watches and stops', async () => {
  const { api, at } = connect();
  const receiver = await startReceiver();
  try {
    const calendarId = 'primary';
    const { data: made } = await api.events.insert({ calendarId, requestBody: meeting(0) }, at);
    const { data: first } = await api.events.list({ calendarId }, at);
    expect(first.items).toMatchObject([{ id: made.id, etag: made.etag, organizer: { self: true } }]);
    await api.events.delete(
      { calendarId, eventId: made.id ?? '' },
      { ...at, headers: { 'If-Match': made.etag ?? '' } },
    );
    const { data: delta } = await api.events.list({ calendarId, syncToken: first.nextSyncToken ?? '' }, at);
    expect(delta.items).toMatchObject([{ id: made.id, status: 'cancelled' }]);
    const requestBody = { id: 'c-1', type: 'web_hook', address: receiver.url };
    const { data: channel } = await api.events.watch({ calendarId, requestBody }, at);
    const stopped = await api.channels.stop(
      { requestBody: { id: 'c-1', resourceId: channel.resourceId ?? '' } },
      at,
    );
    expect(stopped.status).toBe(204);
    expect(sandbox.usage.report('ada@example.test').refreshes).toBe(1);
  } finally {
    await receiver.close();
  }
});

it('reads the reason of an error', async () => {
  const { api, at } = connect();
  const failure = api.events.list({ calendarId: 'primary', syncToken: 'nonsense' }, at);
  await expect(failure).rejects.toMatchObject({
    status: 400,
    response: { data: { error: { errors: [{ reason: 'invalid' }] } } },
  });
});
