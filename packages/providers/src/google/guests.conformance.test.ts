/** Writing to what somebody else organizes: a guest answers for itself, and changes nothing else. */
import type { EventPatch, RemoteEvent } from '@calfleet/domain';
import { startSandbox, type CalendarOwner, type Sandbox } from '@calfleet/sandbox';
import { errorFrom, window } from '../conformance/round.ts';
import { eventIn } from '../conformance/writing.ts';
import { createGoogleProvider } from './provider.ts';

const ada = 'ada@example.com';
const where = { providerCalendarId: ada, calendarTimeZone: 'Europe/Berlin' };

let sandbox: Sandbox;
let calendar: CalendarOwner;
let provider: ReturnType<typeof createGoogleProvider>;
let session: { accountId: string; accessToken: () => Promise<string> };

beforeEach(async () => {
  sandbox = await startSandbox();
  const account = sandbox.google.createAccount({ email: ada });
  calendar = account.createCalendar({ primary: true });
  const clock = { now: () => new Date('2026-11-20T12:00:00Z') };
  provider = createGoogleProvider({ rootUrl: sandbox.googleRootUrl, timeoutMs: 5_000, clock });
  session = { accountId: 'account', accessToken: async () => account.accessToken() };
});

afterEach(() => sandbox.close());

/** An invitation by Carol to Ada and Bob, who brings two friends. */
async function invitation(): Promise<RemoteEvent> {
  const { id } = calendar.insert({
    summary: 'at Carol’s',
    organizer: { email: 'carol@example.com' },
    start: { dateTime: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' },
    end: { dateTime: '2026-11-23T10:00:00Z', timeZone: 'Europe/Berlin' },
    attendees: [
      { email: 'carol@example.com', organizer: true, responseStatus: 'accepted' },
      { email: ada, self: true, responseStatus: 'needsAction' },
      { email: 'bob@example.com', responseStatus: 'accepted', additionalGuests: 2, comment: 'late' },
    ],
  });
  const [item] = await provider.readEvents(session, { ...where, events: [id], series: [], window });
  return eventIn(item);
}

function update({ providerEventId, providerVersion, fields }: RemoteEvent, patch: EventPatch) {
  const request = { ...where, event: { providerEventId }, providerVersion, patch };
  return provider.updateEvent(session, { ...request, whole: { ...fields, ...patch } });
}

it('answers an invitation, and leaves what is known of the others', async () => {
  const event = await invitation();
  const attendees = event.fields.attendees.map((attendee) =>
    attendee.self ? { ...attendee, response: 'accepted' as const } : attendee,
  );
  expect((await update(event, { attendees })).fields.attendees).toEqual(attendees);
  expect(calendar.get(event.providerEventId)?.attendees).toMatchObject([
    { email: 'carol@example.com', organizer: true, responseStatus: 'accepted' },
    { email: ada, self: true, responseStatus: 'accepted' },
    { email: 'bob@example.com', responseStatus: 'accepted', additionalGuests: 2, comment: 'late' },
  ]);
});

it('is refused the organizer’s part for good', async () => {
  const event = await invitation();
  expect((await errorFrom(update(event, { summary: 'at Ada’s' }))).code).toBe('permission_denied');
  expect(calendar.get(event.providerEventId)?.etag).toBe(event.providerVersion);
});

it('removes an invitation from its own calendar', async () => {
  const { providerEventId, providerVersion } = await invitation();
  await provider.deleteEvent(session, { ...where, event: { providerEventId }, providerVersion });
  expect(calendar.get(providerEventId)?.status).toBe('cancelled');
});
