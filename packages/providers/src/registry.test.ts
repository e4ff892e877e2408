import { createProviders } from './registry.ts';

const clock = { now: () => new Date('2026-11-20T12:00:00Z') };
const google = {
  clientId: 'id',
  clientSecret: 'hush',
  rootUrl: 'http://127.0.0.1:9/',
  tokenUrl: 'http://127.0.0.1:9/token',
};

it('enables the providers that have credentials', () => {
  const providers = createProviders({ clock, timeoutMs: 1_000, google });
  expect([...providers.keys()]).toEqual(['google']);
  expect(providers.get('google')?.provider.name).toBe('google');
  expect(createProviders({ clock, timeoutMs: 1_000, google: null }).size).toBe(0);
});
