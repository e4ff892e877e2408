import { Graph, meeting, WINDOW } from './graph.fixture.ts';

let graph: Graph;

beforeEach(async () => {
  graph = await Graph.open();
});

afterEach(() => graph.close());

describe('the calendar list', () => {
  it('shows own and shared calendars with what may be done to them', async () => {
    const ada = graph.sandbox.microsoft.createMailbox({ email: 'ada@example.test', name: 'Ada' });
    const team = ada.createCalendar({ name: 'Team' });
    const shared = ada.share(team, graph.mailbox, { canEdit: true });
    const { status, body } = await graph.get('me/calendars');
    expect(status).toBe(200);
    expect(body.value).toMatchObject([
      {
        id: graph.calendar.id,
        name: 'Calendar',
        isDefaultCalendar: true,
        canEdit: true,
        canShare: true,
        isRemovable: false,
        owner: { name: 'Noor Haddad', address: 'noor@example.test' },
      },
      {
        id: shared.id,
        name: 'Team',
        isDefaultCalendar: false,
        canEdit: true,
        canShare: false,
        canViewPrivateItems: false,
        isRemovable: true,
        owner: { name: 'Ada', address: 'ada@example.test' },
      },
    ]);
    expect(shared.id).not.toBe(team.id);
    expect((await graph.get('me/calendar')).body.id).toBe(graph.calendar.id);
    expect((await graph.get(`me/calendars/${encodeURIComponent(shared.id)}`)).body.name).toBe('Team');
  });

  it('comes in pages', async () => {
    for (let i = 0; i < 12; i += 1) graph.mailbox.createCalendar({ name: `More ${i}` });
    const sizes = async (query: string): Promise<unknown[]> =>
      (await graph.pages(`me/calendars${query}`)).map((page) => page.value?.length);
    expect(await sizes('')).toEqual([10, 3]);
    expect(await sizes('?$top=5&$select=name')).toEqual([5, 5, 3]);
  });

  it('follows names, removals and new ids', async () => {
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const before = (await graph.get(`me/calendars/${encodeURIComponent(other.id)}`)).body;
    graph.mailbox.renameCalendar(other, 'Renamed');
    const after = (await graph.get(`me/calendars/${encodeURIComponent(other.id)}`)).body;
    expect([after.name, after.changeKey === before.changeKey]).toEqual(['Renamed', false]);
    const old = other.id;
    expect(other.changeId()).not.toBe(old);
    expect((await graph.get(`me/calendars/${encodeURIComponent(old)}`)).status).toBe(404);
    graph.mailbox.removeCalendar(other);
    expect((await graph.get('me/calendars')).body.value).toHaveLength(1);
    expect(graph.mailbox.calendars()).toHaveLength(1);
  });

  it('may know its calendars by other ids for those who ask for immutable ones', async () => {
    const prefer = 'IdType="ImmutableId"';
    expect((await graph.get('me/calendar', { prefer })).body.id).toBe(graph.calendar.id);
    graph.setQuirks({ calendarIdFollowsPrefer: true });
    const other = String((await graph.get('me/calendar', { prefer })).body.id);
    expect(other).not.toBe(graph.calendar.id);
    for (const id of [other, graph.calendar.id]) {
      expect((await graph.get(`me/calendars/${encodeURIComponent(id)}/events`)).status).toBe(200);
    }
  });
});

describe('a shared calendar', () => {
  it('is written by those who may, and hides what is private', async () => {
    const ada = graph.sandbox.microsoft.createMailbox({ email: 'ada@example.test', name: 'Ada' });
    const team = ada.createCalendar({ name: 'Team' });
    const shared = ada.share(team, graph.mailbox);
    const { id } = team.create(meeting(0, { sensitivity: 'private', location: { displayName: 'Doctor' } }));
    const events = `me/calendars/${encodeURIComponent(shared.id)}/events`;
    const [seen] = (await graph.get(events)).body.value ?? [];
    expect(seen).toMatchObject({ subject: 'Private Appointment', location: { displayName: '' } });
    const { items } = await graph.round(
      `me/calendars/${encodeURIComponent(shared.id)}/calendarView/delta?${WINDOW}`,
    );
    expect(items[0]?.subject).toBe('Private Appointment');
    const refused = await graph.call('POST', events, { body: meeting(1) });
    expect([refused.status, refused.body.error?.code]).toEqual([403, 'ErrorAccessDenied']);
    expect((await graph.event('DELETE', id)).status).toBe(403);
    graph.mailbox.setRights(shared, { canEdit: true, canViewPrivateItems: true });
    expect((await graph.call('POST', events, { body: meeting(1) })).status).toBe(201);
    expect((await graph.event('GET', id)).body).toMatchObject({ subject: 'Meeting 0', isOrganizer: true });
    ada.removeCalendar(team);
    expect((await graph.get(events)).status).toBe(404);
    expect((await graph.event('GET', id)).status).toBe(404);
  });

  it('is reached through its owner, and nothing else is', async () => {
    const ada = graph.sandbox.microsoft.createMailbox({ email: 'ada@example.test' });
    const own = ada.createCalendar();
    const secret = ada.createCalendar({ name: 'Secret' });
    const [event = ''] = secret.createMany([meeting(0)]);
    expect((await graph.get('users/ada@example.test/calendar/events')).status).toBe(403);
    ada.share(own, graph.mailbox);
    expect((await graph.get('users/ada@example.test/calendar/events')).status).toBe(200);
    expect((await graph.get(`users/${ada.oid}/events/${encodeURIComponent(event)}`)).status).toBe(403);
    const nobody = await graph.get('users/nobody@example.test/calendar');
    expect([nobody.status, nobody.body.error?.code]).toEqual([404, 'ErrorInvalidUser']);
  });
});

describe('the mailbox', () => {
  it('says whose it is and where it lives', async () => {
    const me = await graph.get('me?$select=id,mail,userPrincipalName');
    expect(me.body).toMatchObject({ id: graph.mailbox.oid, mail: 'noor@example.test' });
    expect(me.body.displayName).toBeUndefined();
    expect((await graph.get('me/mailboxSettings')).body.timeZone).toBe('W. Europe Standard Time');
    graph.mailbox.setTimeZone('Asia/Tokyo');
    expect((await graph.get('me/mailboxSettings/timeZone')).body.value).toBe('Asia/Tokyo');
  });

  it('knows zones by both kinds of names', async () => {
    const aliases = async (path: string): Promise<unknown[]> =>
      ((await graph.get(path)).body.value ?? []).map((zone) => zone.alias);
    expect(await aliases('me/outlook/supportedTimeZones')).toContain('W. Europe Standard Time');
    expect(
      await aliases("me/outlook/supportedTimeZones(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')"),
    ).toContain('Europe/Berlin');
  });

  it.each([
    ['me', ['Calendars.Read'], 'Authorization_RequestDenied'],
    ['me/mailboxSettings', ['User.Read', 'Calendars.ReadWrite'], 'ErrorAccessDenied'],
    ['me/mailboxSettings/timeZone', ['User.Read', 'Calendars.ReadWrite'], 'ErrorAccessDenied'],
    ['me/calendars', ['User.Read'], 'ErrorAccessDenied'],
    [`me/calendarView/delta?${WINDOW}`, ['User.Read'], 'ErrorAccessDenied'],
  ])('%s needs its permission', async (path, scopes, code) => {
    graph.mailbox.setScopes(scopes);
    graph.accessToken = graph.mailbox.accessToken();
    const answer = await graph.get(path);
    expect([answer.status, answer.body.error?.code]).toEqual([403, code]);
  });

  it('is not written with a permission to read', async () => {
    graph.mailbox.setScopes(['https://graph.microsoft.com/Calendars.Read']);
    graph.accessToken = graph.mailbox.accessToken();
    expect((await graph.get('me/calendars')).status).toBe(200);
    expect((await graph.create(meeting(0))).status).toBe(403);
  });

  it('may not be there at all', async () => {
    graph.mailbox.setRestEnabled(false);
    const answer = await graph.get('me/calendars');
    expect([answer.status, answer.body.error?.code]).toEqual([404, 'MailboxNotEnabledForRESTAPI']);
    expect((await graph.get('me')).status).toBe(200);
  });
});

describe('requests', () => {
  it('need a living token', async () => {
    const token = graph.accessToken;
    graph.accessToken = 'nonsense';
    expect((await graph.get('me/calendars')).body.error?.code).toBe('InvalidAuthenticationToken');
    graph.accessToken = token;
    graph.mailbox.expireAccessTokens();
    const answer = await graph.get('me/calendars');
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('Bearer'),
    ]);
  });

  it('carry their client-request-id through', async () => {
    const answer = await graph.get('me/calendars/nothing', { headers: { 'client-request-id': 'mine' } });
    expect(answer.headers.get('client-request-id')).toBe('mine');
    expect(answer.body.error?.innerError).toMatchObject({ 'client-request-id': 'mine' });
  });

  it.each([
    ['GET', 'me/planets'],
    ['PUT', 'me/events/1'],
    ['GET', 'groups/1/events'],
    ['GET', 'me/calendars/%E0%A4%A/events'],
  ])('%s %s leads nowhere', async (method, path) => {
    const answer = await graph.call(method, path);
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'BadRequest']);
  });

  it('with half a body are refused', async () => {
    const response = await fetch(`${graph.sandbox.microsoftRootUrl}/me/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${graph.accessToken}` },
      body: '{"subject"',
    });
    expect(response.status).toBe(400);
  });

  it('are struck by faults that name an account, a calendar and an operation', async () => {
    const other = graph.mailbox.createCalendar({ name: 'Other' });
    const plan = { account: 'noor@example.test', calendar: graph.calendar.id, count: null };
    graph.sandbox.faults.add({ ...plan, operation: 'graph.delta', effect: { kind: 'status', status: 500 } });
    const at = (id: string): string => `me/calendars/${encodeURIComponent(id)}/calendarView/delta?${WINDOW}`;
    expect((await graph.get(`me/calendarView/delta?${WINDOW}`)).status).toBe(500);
    expect((await graph.get(at(graph.calendar.id))).status).toBe(500);
    expect((await graph.get(at(other.id))).status).toBe(200);
    expect((await graph.get('me/calendars')).status).toBe(200);
  });

  it('are cut after their work was done', async () => {
    graph.sandbox.faults.add({ operation: 'graph.event.create', effect: { kind: 'drop_after' } });
    const first = meeting(0, { transactionId: 'once' });
    await expect(graph.create(first)).rejects.toThrow();
    expect((await graph.create(first)).body.error?.code).toBe('ErrorDuplicateTransactionId');
    graph.sandbox.faults.add({ operation: 'graph.event.list', effect: { kind: 'torn_body' } });
    await expect(graph.get('me/events')).rejects.toThrow();
  });
});
