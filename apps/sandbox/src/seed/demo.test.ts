import { startSandbox } from '../sandbox.ts';
import { manyEvents } from './many.ts';
import { demoAccounts, seedDemo } from './demo.ts';

// Weekdays, month ends and the clock changes of spring and autumn fall on every side of "now".
const dates = [
  '2026-01-31',
  '2026-03-08',
  '2026-03-29',
  '2026-10-24',
  '2026-11-01',
  '2026-11-20',
  '2028-02-29',
].map((date) => new Date(`${date}T23:30:00Z`));

it.each(dates)('seeds the demo on %s', async (now) => {
  const sandbox = await startSandbox();
  try {
    const summary = seedDemo(sandbox.google, { seed: 1, now });
    expect(summary.accounts).toBe(demoAccounts);
    expect(summary.events).toBeGreaterThan(2100);
    const archive = sandbox.google
      .account('ada@example.test')
      .calendar('ada-archive@group.calendar.google.com');
    expect(archive.truth().events).toHaveLength(2000);
    const ada = sandbox.google.account('ada@example.test').calendar('primary').truth().events;
    expect(ada.filter((event) => event.status === 'cancelled')).toHaveLength(1);
    expect(ada.filter((event) => event.recurringEventId !== undefined)).toHaveLength(3);
  } finally {
    await sandbox.close();
  }
});

it('plants the same many events for the same seed', () => {
  const now = new Date('2026-11-20T10:00:00Z');
  const many = manyEvents({ events: 300, seed: 4, now });
  expect(manyEvents({ events: 300, seed: 4, now })).toEqual(many);
  expect(manyEvents({ events: 300, seed: 5, now })).not.toEqual(many);
  expect(new Set(many.map(({ id }) => id)).size).toBe(300);
});
