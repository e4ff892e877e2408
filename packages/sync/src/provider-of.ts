import type { CalendarProvider, ProviderName } from '@calfleet/domain';
import type { SyncDeps } from './deps.ts';

/** The provider of an account or a calendar. */
export function providerOf(
  deps: Pick<SyncDeps, 'providers'>,
  of: { provider: ProviderName },
): CalendarProvider {
  const provider = deps.providers.get(of.provider);
  if (!provider) throw new Error(`The provider ${of.provider} is switched off.`);
  return provider;
}
