import { createMetrics } from './index.ts';

test('two processes in one test count apart', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.sync.inc({ provider: 'google', mode: 'full' });
  expect((await one.exposition()).text).toContain('calfleet_sync_total{provider="google",mode="full"} 1');
  expect((await other.exposition()).text).not.toContain('mode="full"');
});

test('no metric is labelled by person or calendar', async () => {
  const { text } = await createMetrics().exposition();
  expect(text).toMatch(/calfleet_notification_to_store_seconds/);
  expect(text).not.toMatch(/user|email|calendar_id|account_id/);
});
