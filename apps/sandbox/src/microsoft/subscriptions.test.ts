import { issueAccessToken, PERSONAL_TENANT } from './grants.ts';
import {
  GraphVisitor,
  newMailbox,
  OTHER_APP,
  showCalendar,
  startGraph,
  type GraphAnswer,
  type GraphFixture,
} from './subscriptions.fixture.ts';

const MINUTE_MS = 60_000;
let fixture: GraphFixture;
let ada: ReturnType<typeof newMailbox>;

beforeEach(async () => {
  fixture = await startGraph();
  ada = newMailbox(fixture, 'ada');
});

afterEach(() => fixture.close());

const inMinutes = (minutes: number): string =>
  new Date(fixture.clock.now() + minutes * MINUTE_MS).toISOString();
const refusal = ({ status, body }: GraphAnswer): unknown[] => [status, body.error?.code];
const minutesLeft = ({ body }: GraphAnswer): number =>
  (Date.parse(String(body.expirationDateTime)) - fixture.clock.now()) / MINUTE_MS;
const strangerApp = (): GraphVisitor =>
  new GraphVisitor(
    fixture,
    issueAccessToken(fixture.graph, ada.mailbox, { clientId: OTHER_APP.id, refreshToken: null }).token,
  );

describe('creation', () => {
  it('repeats every property, the null ones too', async () => {
    const { status, body } = await ada.visitor.subscribe();
    expect(status).toBe(201);
    expect(body).toEqual({
      '@odata.context': `${fixture.url}/microsoft/v1.0/$metadata#subscriptions/$entity`,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      resource: 'me/events',
      applicationId: 'sandbox-client',
      changeType: 'created,updated,deleted',
      clientState: 'secret',
      notificationUrl: `${fixture.receiver.url}/hook`,
      notificationQueryOptions: null,
      lifecycleNotificationUrl: `${fixture.receiver.url}/lifecycle`,
      expirationDateTime: expect.any(String) as string,
      creatorId: ada.mailbox.oid,
      includeResourceData: null,
      latestSupportedTlsVersion: 'v1_2',
      encryptionCertificate: null,
      encryptionCertificateId: null,
      notificationUrlAppId: null,
    });
  });

  it.each([
    [10_070, 10_070],
    [60, 60],
    [45, 45],
    [10, 45],
  ])('asked for %i minutes gives %i', async (asked, given) => {
    const answer = await ada.visitor.subscribe({ expirationDateTime: inMinutes(asked) });
    expect(minutesLeft(answer)).toBe(given);
  });

  it('refuses more than 10,070 minutes, or what the knob says', async () => {
    const answer = await ada.visitor.subscribe({ expirationDateTime: inMinutes(10_080) });
    expect(refusal(answer)).toEqual([400, 'ExtensionError']);
    expect(answer.body.error?.message).toContain(
      'Subscription expiration can only be 10070 minutes in the future.',
    );
    fixture.owner.setQuirks({ subscriptionMinutesMax: 4230 });
    expect((await ada.visitor.subscribe()).body.error?.message).toContain('can only be 4230 minutes');
    expect(fixture.receiver.validations).toHaveLength(0);
  });

  it.each([
    ['me/events'],
    ['/me/events'],
    ['users/ada@example.test/events'],
    ['me/calendars/ada-other/events'],
    ['Users/ada%40example.test/calendars/ada-default/events'],
    ["users('ada@example.test')/events"],
  ])('takes %s', async (resource) => {
    const answer = await ada.visitor.subscribe({ resource });
    expect([answer.status, answer.body.resource]).toEqual([201, resource]);
  });

  it.each([
    ['me/events/AAMk', 400, 'InvalidRequest'],
    ['me/calendarView', 400, 'InvalidRequest'],
    ['me/calendars', 400, 'InvalidRequest'],
    ['https://graph.microsoft.com/v1.0/me/events', 400, 'InvalidRequest'],
    ['me/events?$select=id', 400, 'InvalidRequest'],
    ['groups/8d6b/events', 400, 'ExtensionError'],
    ['me/calendars/nowhere/events', 404, 'ExtensionError'],
    ['me/calendars/shared-by-noor/events', 403, 'ExtensionError'],
    ['users/noor@example.test/events', 403, 'ExtensionError'],
    ['users/nobody@example.test/events', 404, 'ExtensionError'],
  ])('refuses %s with %i %s', async (resource, status, code) => {
    const noor = newMailbox(fixture, 'noor');
    showCalendar(ada.mailbox, {
      id: 'shared-by-noor',
      folderId: 'folder-noor-other',
      owner: noor.mailbox,
      isDefault: false,
    });
    expect(refusal(await ada.visitor.subscribe({ resource }))).toEqual([status, code]);
    expect(fixture.receiver.validations).toHaveLength(0);
  });

  it.each([
    [{ changeType: undefined }, 'changeType is missing or invalid.'],
    [{ changeType: 'created,renamed' }, "changeType 'renamed' is not supported."],
    [{ notificationUrl: undefined }, 'notificationUrl is missing or invalid.'],
    [{ notificationUrl: 'http://hooks.example.test/' }, 'notificationUrl must be an https URL.'],
    [
      { lifecycleNotificationUrl: 'http://hooks.example.test/' },
      'lifecycleNotificationUrl must be an https URL.',
    ],
    [{ resource: undefined }, 'resource is missing or invalid.'],
    [{ expirationDateTime: undefined }, 'expirationDateTime is missing or invalid.'],
    [{ expirationDateTime: 'tomorrow' }, 'expirationDateTime is missing or invalid.'],
    [{ expirationDateTime: '2020-01-01T00:00:00Z' }, 'expirationDateTime must be in the future.'],
    [{ clientState: 'x'.repeat(129) }, 'clientState must not be longer than 128 characters.'],
    [{ latestSupportedTlsVersion: 'v9' }, 'latestSupportedTlsVersion is missing or invalid.'],
    [{ includeResourceData: true }, 'encryptionCertificate is required when includeResourceData is true.'],
    [{ colour: 'red' }, "The property 'colour' cannot be set."],
  ])('refuses %j', async (more, message) => {
    const answer = await ada.visitor.subscribe(more);
    expect(refusal(answer)).toEqual([400, 'InvalidRequest']);
    expect(answer.body.error?.message).toBe(message);
  });

  it('takes a clientState of 128 characters and no lifecycle address', async () => {
    const clientState = 'x'.repeat(128);
    const { status, body } = await ada.visitor.subscribe({
      clientState,
      lifecycleNotificationUrl: undefined,
    });
    expect([status, body.clientState, body.lifecycleNotificationUrl]).toEqual([201, clientState, null]);
  });

  it('needs a permission for calendars; a knob makes it the read one', async () => {
    const subscribeWith = async (scopes: string[]): Promise<unknown[]> => {
      ada.visitor.accessToken = ada.owner.grantTokens({ scopes }).accessToken;
      fixture.owner.setQuirks({ duplicateSubscriptions: 'accept' });
      return refusal(await ada.visitor.subscribe());
    };
    expect(await subscribeWith(['User.Read'])).toEqual([403, 'ExtensionError']);
    expect(await subscribeWith(['https://graph.microsoft.com/Calendars.ReadWrite'])).toEqual([
      201,
      undefined,
    ]);
    fixture.owner.setQuirks({ subscriptionNeedsReadScope: true });
    expect(await subscribeWith(['Calendars.ReadWrite'])).toEqual([403, 'ExtensionError']);
    expect(await subscribeWith(['Calendars.ReadWrite', 'Calendars.Read'])).toEqual([201, undefined]);
  });

  it('lets an application name any mailbox of its tenant, but not me', async () => {
    const noor = newMailbox(fixture, 'noor', { tenantId: PERSONAL_TENANT });
    const { tenantId } = ada.mailbox;
    fixture.graph.accessTokens.set('app-only', {
      token: 'app-only',
      oid: null,
      tenantId,
      clientId: OTHER_APP.id,
      scopes: ['Calendars.Read'],
      expiresAtMs: fixture.clock.now() + MINUTE_MS,
      refreshToken: null,
    });
    const app = new GraphVisitor(fixture, 'app-only');
    expect(refusal(await app.subscribe())).toEqual([400, 'BadRequest']);
    expect((await app.subscribe({ resource: `users/${noor.mailbox.oid}/events` })).status).toBe(404);
    const made = await app.subscribe({ resource: `users/${ada.mailbox.oid}/calendars/ada-other/events` });
    expect([made.status, made.body.creatorId]).toEqual([201, OTHER_APP.id]);
    expect((await app.call('GET', 'subscriptions')).body.value).toHaveLength(1);
  });

  it('refuses mailboxes that Graph does not reach', async () => {
    ada.mailbox.isRestEnabled = false;
    expect(refusal(await ada.visitor.subscribe())).toEqual([404, 'ExtensionError']);
  });
});

describe('duplicates and limits', () => {
  it('answers 409 for the same resource and change types, in any spelling and order', async () => {
    const first = await ada.visitor.subscribe();
    const twin = await ada.visitor.subscribe({
      resource: 'users/ada@example.test/events',
      changeType: 'deleted, updated,created',
    });
    expect(refusal(twin)).toEqual([409, 'Conflict']);
    expect(twin.body.error?.message).toContain(`Subscription Id <${String(first.body.id)}> already exists`);
    expect((await ada.visitor.subscribe({ changeType: 'created' })).status).toBe(201);
    expect((await ada.visitor.subscribe({ resource: 'me/calendars/ada-other/events' })).status).toBe(201);
    expect((await strangerApp().subscribe()).status).toBe(201);
  });

  it('gives only one of two that come at the same time', async () => {
    const answers = await Promise.all([ada.visitor.subscribe(), ada.visitor.subscribe()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('can accept duplicates, and takes one again after the first is gone', async () => {
    const { body } = await ada.visitor.subscribe();
    await ada.visitor.call('DELETE', `subscriptions/${String(body.id)}`);
    expect((await ada.visitor.subscribe()).status).toBe(201);
    fixture.owner.setQuirks({ duplicateSubscriptions: 'accept' });
    expect((await ada.visitor.subscribe()).status).toBe(201);
  });

  it('counts subscriptions per mailbox over all applications', async () => {
    fixture.owner.setQuirks({ subscriptionsPerMailboxMax: 1 });
    expect((await strangerApp().subscribe()).status).toBe(201);
    const full = await ada.visitor.subscribe();
    expect(refusal(full)).toEqual([403, 'ExtensionError']);
    expect((await newMailbox(fixture, 'noor').visitor.subscribe()).status).toBe(201);
  });

  it('can hide a moving mailbox behind a 403', async () => {
    const { body } = await ada.visitor.subscribe();
    fixture.owner.setQuirks({ subscriptionUnavailableRate: 1 });
    const created = await ada.visitor.subscribe({ resource: 'me/calendars/ada-other/events' });
    expect(refusal(created)).toEqual([403, 'ExtensionError']);
    expect(created.body.error?.message).toMatch(
      /^Operation: Create; Exception: \[Status Code: ServiceUnavailable; Reason: /,
    );
    const renewed = await ada.visitor.call('PATCH', `subscriptions/${String(body.id)}`, {
      body: { expirationDateTime: inMinutes(600) },
    });
    expect(renewed.body.error?.message).toMatch(/^Operation: Update; .*ServiceUnavailable/);
  });
});

describe('the living ones', () => {
  it('lists only the own ones, without their secrets, in pages', async () => {
    fixture.owner.setQuirks({ duplicateSubscriptions: 'accept', subscriptionPageSize: 2 });
    const made: unknown[] = [];
    for (let i = 0; i < 3; i += 1) made.push((await ada.visitor.subscribe()).body.id);
    await strangerApp().subscribe();
    await newMailbox(fixture, 'noor').visitor.subscribe();
    const first = await ada.visitor.call('GET', 'subscriptions');
    expect(first.body['@odata.context']).toMatch(/\$metadata#subscriptions$/);
    const link = String(first.body['@odata.nextLink']);
    const second = await ada.visitor.call('GET', link.slice(link.indexOf('/v1.0/') + 6));
    const listed = [...(first.body.value ?? []), ...(second.body.value ?? [])];
    expect(listed.map(({ id }) => id)).toEqual(made);
    expect(listed.map(({ clientState }) => clientState)).toEqual([null, null, null]);
    expect(second.body['@odata.nextLink']).toBeUndefined();
  });

  it('reads, extends and deletes one; strangers see none of it', async () => {
    const { body } = await ada.visitor.subscribe();
    const path = `subscriptions/${String(body.id)}`;
    expect((await ada.visitor.call('GET', path)).body).toMatchObject({ id: body.id, clientState: null });
    expect(refusal(await strangerApp().call('GET', path))).toEqual([404, 'ResourceNotFound']);
    const noor = newMailbox(fixture, 'noor', { tenantId: PERSONAL_TENANT });
    expect((await noor.visitor.call('DELETE', path)).status).toBe(404);
    fixture.clock.advance(30 * MINUTE_MS);
    const extended = await ada.visitor.call('PATCH', path, {
      body: { expirationDateTime: inMinutes(10_000) },
    });
    expect([extended.status, minutesLeft(extended)]).toEqual([200, 10_000]);
    const shortened = await ada.visitor.call('PATCH', path, { body: { expirationDateTime: inMinutes(1) } });
    expect(minutesLeft(shortened)).toBe(45);
    expect((await ada.visitor.call('DELETE', path)).status).toBe(204);
    expect((await ada.visitor.call('DELETE', path)).status).toBe(404);
    expect((await ada.visitor.call('POST', `${path}/reauthorize`)).status).toBe(404);
    expect(fixture.owner.subscriptions.report()).toMatchObject([{ id: body.id, state: 'deleted' }]);
  });

  it('answers 404 after the expiry', async () => {
    const { body } = await ada.visitor.subscribe({ expirationDateTime: inMinutes(50) });
    const path = `subscriptions/${String(body.id)}`;
    fixture.clock.advance(50 * MINUTE_MS - 1);
    expect((await ada.visitor.call('GET', path)).status).toBe(200);
    fixture.clock.advance(1);
    const late = await ada.visitor.call('PATCH', path, { body: { expirationDateTime: inMinutes(600) } });
    expect(refusal(late)).toEqual([404, 'ResourceNotFound']);
    expect((await ada.visitor.call('GET', 'subscriptions')).body.value).toEqual([]);
    expect(fixture.owner.subscriptions.report()).toMatchObject([{ state: 'expired' }]);
  });

  it.each([
    [{ lifecycleNotificationUrl: 'https://hooks.example.test/' }, 'lifecycleNotificationUrl cannot be'],
    [{ resource: 'me/events' }, "The property 'resource' cannot be set."],
    [{}, 'expirationDateTime is required.'],
    [{ expirationDateTime: 5 }, 'expirationDateTime is missing or invalid.'],
    [{ notificationUrl: 'http://hooks.example.test/' }, 'notificationUrl must be an https URL.'],
  ])('refuses to change %j', async (body, message) => {
    const { body: made } = await ada.visitor.subscribe();
    const answer = await ada.visitor.call('PATCH', `subscriptions/${String(made.id)}`, { body });
    expect(refusal(answer)).toEqual([400, 'InvalidRequest']);
    expect(answer.body.error?.message).toContain(message);
  });
});
