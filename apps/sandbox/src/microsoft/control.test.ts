import { ControlClient } from '../control/client.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { meeting, weekly, WINDOW, WINDOW_SPAN } from './graph.fixture.ts';

let sandbox: Sandbox;
let control: ControlClient;

beforeEach(async () => {
  sandbox = await startSandbox();
  control = new ControlClient(sandbox.url);
});

afterEach(() => sandbox.close());

it('plays the owner of a mailbox from another process', async () => {
  const made = await control.microsoft.createMailbox({
    email: 'noor@example.test',
    calendars: [{ name: 'Calendar' }, { name: 'Other' }],
  });
  expect(made).toMatchObject({
    email: 'noor@example.test',
    calendars: [{ name: 'Calendar' }, { name: 'Other' }],
  });
  const mailbox = control.microsoft.mailbox('noor@example.test');
  const calendar = mailbox.calendar(made.calendars[0]?.id ?? '');
  const series = await calendar.create(weekly());
  const [single = ''] = await calendar.createMany([meeting(0), meeting(1)]);
  await calendar.patch(single, { subject: 'renamed' });
  await calendar.patchOccurrence(series.id, '2026-11-09', { subject: 'exception' });
  await calendar.deleteOccurrence(series.id, '2026-11-16');
  await calendar.cancelByOrganiser((await calendar.occurrence(series.id, '2026-11-23')).id);
  await calendar.touch(series.id);
  expect((await calendar.get(single)).subject).toBe('renamed');
  const truth = await calendar.truth(WINDOW_SPAN);
  expect(truth.map(({ subject }) => subject)).toEqual([
    'Weekly',
    'renamed',
    'Meeting 1',
    'exception',
    'Canceled: Weekly',
    'Weekly',
  ]);
  await calendar.moveTo(single, 'Other');
  expect(await mailbox.calendar('Other').truth(WINDOW_SPAN)).toMatchObject([{ eventId: single }]);
  await calendar.delete(series.id);
  await calendar.touchAll();
  expect(await calendar.truth(WINDOW_SPAN)).toHaveLength(1);
  expect(await calendar.seed({ events: 50, seriesShare: 0.5 })).toEqual({ events: 50 });
});

it('shares, renames, expires and removes', async () => {
  await control.microsoft.createMailbox({ email: 'ada@example.test', calendars: [{}] });
  await control.microsoft.createMailbox({ email: 'noor@example.test' });
  const ada = control.microsoft.mailbox('ada@example.test');
  const calendar = ada.calendar('Calendar');
  const token = await ada.accessToken();
  const delta = (target: string): Promise<Response> =>
    fetch(target, { headers: { authorization: `Bearer ${token}` } });
  const first = await delta(`${sandbox.microsoftRootUrl}/me/calendarView/delta?${WINDOW}`);
  const link = ((await first.json()) as { '@odata.deltaLink': string })['@odata.deltaLink'];
  await calendar.expire('delta_links');
  expect((await delta(link)).status).toBe(410);
  const shared = await calendar.share('noor@example.test', { canEdit: true });
  expect((await control.microsoft.mailbox('noor@example.test').report()).calendars).toEqual([
    { id: shared, name: 'Calendar', canEdit: true },
  ]);
  await calendar.change({ name: 'Renamed' });
  const id = await ada.calendar('Renamed').changeId();
  expect((await ada.report()).calendars).toEqual([{ id, name: 'Renamed', canEdit: true }]);
  await ada.calendar(id).remove();
  expect((await control.microsoft.mailboxes()).flatMap(({ calendars }) => calendars)).toEqual([]);
  await ada.change({ timeZone: 'UTC', isRestEnabled: false, scopes: ['User.Read'] });
  await ada.expireAccessTokens();
  expect((await delta(`${sandbox.microsoftRootUrl}/me`)).status).toBe(401);
  expect(await ada.issueRefreshToken()).not.toBe('');
  await ada.revoke();
  expect((await ada.report()).refreshToken).toBeUndefined();
});

it('turns knobs and forgets everything', async () => {
  expect(await control.microsoft.setQuirks({ seriesEmission: 'split' })).toMatchObject({
    seriesEmission: 'split',
    deltaMasters: 'present',
  });
  await control.microsoft.createMailbox({ email: 'noor@example.test' });
  await control.reset();
  expect(await control.microsoft.mailboxes()).toEqual([]);
  expect((await control.microsoft.quirks()).seriesEmission).toBe('whole');
});

it.each([
  ['POST', 'quirks', '{"unknownKnob":1}', 400],
  ['POST', 'mailboxes', '{"email":""}', 400],
  ['POST', 'mailboxes', '{"email":"noor@example.test"}', 409],
  ['GET', 'mailboxes/nobody@example.test', '', 404],
  ['GET', 'mailboxes/noor@example.test/calendars/none/truth', '', 404],
  ['GET', 'mailboxes/noor@example.test/calendars/Calendar/truth?start=soon&end=later', '', 400],
  ['POST', 'mailboxes/noor@example.test/calendars/Calendar/events', '{"subject":"no times"}', 400],
  ['GET', 'mailboxes/noor@example.test/calendars/Calendar/events/nonsense', '', 404],
  ['DELETE', 'mailboxes/noor@example.test/calendars/Calendar/events/x/occurrences/2026-11-02', '', 404],
  ['PUT', 'mailboxes/noor@example.test', '{}', 404],
  ['GET', 'planets', '', 404],
])('%s /control/microsoft/%s %s answers %i', async (method, path, body, status) => {
  sandbox.microsoft.createMailbox({ email: 'noor@example.test', calendars: [{}] });
  const response = await fetch(`${sandbox.url}/control/microsoft/${path}`, {
    method,
    ...(body === '' ? {} : { body }),
  });
  expect(response.status).toBe(status);
});
