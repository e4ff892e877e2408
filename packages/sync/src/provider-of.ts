import { SyncError, type CalendarProvider, type ProviderName } from '@calfleet/domain';
import type { SyncDeps } from './deps.ts';

/** The provider of an account or a calendar. @throws SyncError `misconfigured` it is switched off, or nobody knows it */
export function providerOf(
  deps: Pick<SyncDeps, 'providers'>,
  of: { provider: ProviderName },
): CalendarProvider {
  const provider = deps.providers.get(of.provider);
  if (!provider) throw switchedOff(of.provider);
  return provider;
}

export const switchedOff = (provider: ProviderName): SyncError =>
  new SyncError('misconfigured', `The provider ${provider} is switched off.`, { context: { provider } });
