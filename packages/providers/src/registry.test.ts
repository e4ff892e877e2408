import { createProviders } from './registry.ts';

const clock = { now: () => new Date('2026-11-20T12:00:00Z') };
const google = {
  clientId: 'id',
  clientSecret: 'hush',
  rootUrl: 'http://127.0.0.1:9/',
  tokenUrl: 'http://127.0.0.1:9/token',
  revokeUrl: 'http://127.0.0.1:9/revoke',
};

const microsoft = {
  clientId: 'id',
  clientSecret: 'hush',
  tenant: 'common',
  graphRootUrl: 'http://127.0.0.1:9/v1.0',
  loginRootUrl: 'http://127.0.0.1:9',
};

it('enables the providers that have credentials', () => {
  const providers = createProviders({ clock, timeoutMs: 1_000, google });
  expect([...providers.keys()]).toEqual(['google']);
  expect(providers.get('google')?.provider.name).toBe('google');
  expect([...createProviders({ clock, timeoutMs: 1_000, google, microsoft }).keys()]).toEqual([
    'google',
    'microsoft',
  ]);
  const alone = createProviders({ clock, timeoutMs: 1_000, google: null, microsoft });
  expect(alone.get('microsoft')?.provider).toMatchObject({ name: 'microsoft', windowed: true });
  expect(createProviders({ clock, timeoutMs: 1_000, google: null, microsoft: null }).size).toBe(0);
});
