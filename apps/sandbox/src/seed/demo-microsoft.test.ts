import { startSandbox } from '../sandbox.ts';
import { demoMailboxes, seedDemoMailboxes } from './demo-microsoft.ts';
import { manyMicrosoftEvents } from './many-microsoft.ts';

const DAY_MS = 86_400_000;

// Weekdays, month ends, leap days and the clock changes of spring and autumn fall on every side of "now".
const dates = [
  '2026-03-08',
  '2026-03-29',
  '2026-10-24',
  '2026-11-01',
  '2026-11-20',
  '2028-02-24',
  '2028-02-29',
].map((date) => new Date(`${date}T23:30:00Z`));

it.each(dates)('seeds two mailboxes on %s', async (now) => {
  const sandbox = await startSandbox();
  try {
    const { microsoft } = sandbox;
    const summary = seedDemoMailboxes(microsoft, { seed: 1, now });
    const [ada, noor] = demoMailboxes.map(({ email }) => microsoft.mailbox(email));
    expect(ada?.calendars().map(({ name }) => name)).toEqual(['Calendar', 'Project Atlas']);
    expect(noor?.calendars().map(({ name }) => name)).toEqual(['Calendar', 'العائلة', 'Project Atlas']);
    const window = {
      start: new Date(now.getTime() - 50 * DAY_MS).toISOString(),
      end: new Date(now.getTime() + 50 * DAY_MS).toISOString(),
    };
    const truth = ada?.calendar('Calendar').truth(window) ?? [];
    expect(truth.filter(({ type }) => type === 'exception')).toHaveLength(1);
    expect(truth.filter(({ isCancelled }) => isCancelled)).toHaveLength(1);
    expect(truth.filter(({ subject }) => subject?.startsWith('☕')).length).toBeGreaterThanOrEqual(13);
    expect(summary.calendars).toBe(5);
    expect(summary.events).toBeGreaterThan(80);
  } finally {
    await sandbox.close();
  }
});

it('plants the same many events for the same seed, and Graph takes them', async () => {
  const now = new Date('2026-11-20T10:00:00Z');
  const options = { events: 300, seed: 4, now, seriesShare: 0.5 };
  expect(manyMicrosoftEvents(options)).toEqual(manyMicrosoftEvents(options));
  expect(manyMicrosoftEvents({ ...options, seed: 5 })).not.toEqual(manyMicrosoftEvents(options));
  const sandbox = await startSandbox();
  try {
    const calendar = sandbox.microsoft.createMailbox({ email: 'noor@example.test' }).createCalendar();
    expect(new Set(calendar.createMany(manyMicrosoftEvents(options))).size).toBe(300);
  } finally {
    await sandbox.close();
  }
});
