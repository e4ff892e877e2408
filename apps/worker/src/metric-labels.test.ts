/** Labels have the values that the rooms speak of: one that is missing would be counted as `other`. */
import { readFileSync } from 'node:fs';
import { catalog, notificationEvents, queueNames, tickNames } from '@calfleet/jobs';
import { syncErrorCodes } from '@calfleet/domain';
import { metricLabels } from '@calfleet/telemetry';

test('queues, jobs and ticks are those of the catalogue', () => {
  expect(metricLabels.queues).toEqual(queueNames);
  expect([...metricLabels.jobs].sort()).toEqual(Object.keys(catalog).sort());
  expect(metricLabels.ticks).toEqual(tickNames);
});

test('what a notification may say can be counted', () => {
  expect(metricLabels.notificationKinds).toEqual(expect.arrayContaining([...notificationEvents]));
});

test('what a provider may answer can be counted', () => {
  const ofTheApi = [
    'invalid_input',
    'not_authenticated',
    'not_allowed',
    'not_found',
    'gone',
    'idempotency_mismatch',
  ];
  const ofTheEngine = ['deletes_held', 'lease_lost', 'outside_window', 'bug'];
  const ofProviders = syncErrorCodes.filter((code) => ![...ofTheApi, ...ofTheEngine].includes(code));
  expect(metricLabels.requestReasons).toEqual(expect.arrayContaining(ofProviders));
});

test('states and codes are those that the tables allow', () => {
  const migration = readFileSync('prisma/migrations/20261120000000_the_mirror/migration.sql', 'utf8');
  const allowed = (pattern: RegExp): string[] =>
    [...(pattern.exec(migration)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(([, value = '']) => value).sort();
  const checks: [readonly string[], RegExp][] = [
    [metricLabels.connectionStates, /check \(status in \(('active', 'reauth_needed'[^)]*)\)/],
    [metricLabels.calendarStates, /check \(state in \(('new'[^)]*)\)/],
    [metricLabels.coverages, /check \(coverage in \(([^)]*)\)/],
    [metricLabels.channelStates, /check \(state in \(('creating'[^)]*)\)/],
    [metricLabels.quarantineCodes, /check \(code in \(('unreadable'[^)]*)\)/],
    [metricLabels.providers, /check \(provider in \(([^)]*)\)/],
    [metricLabels.modes, /check \(round_mode in \(([^)]*)\)/],
  ];
  for (const [labels, pattern] of checks) expect([...labels].sort()).toEqual(allowed(pattern));
});
