export { createConsents, type Consents, type ConsentsConfig } from './consents.ts';
export { createGoogleTokenEndpoint, type GoogleOauthOptions } from './google/oauth.ts';
export { createGoogleProvider, type GoogleProviderOptions } from './google/provider.ts';
export {
  MemoryCloud,
  type MemoryChannel,
  type MemoryCloudOptions,
  type MemoryEvent,
  type MemoryNotification,
  type MemoryQuirks,
} from './memory/cloud.ts';
export type { MemoryFault, MemoryOperation } from './memory/faults.ts';
export { createMemoryTokenEndpoint } from './memory/oauth.ts';
export { createMemoryProvider } from './memory/provider.ts';
export { createMicrosoftTokenEndpoint, type MicrosoftOauthOptions } from './microsoft/oauth.ts';
export { createMicrosoftProvider, type MicrosoftProviderOptions } from './microsoft/provider.ts';
export { createProviders, type ProviderEntry, type Providers, type ProvidersConfig } from './registry.ts';
