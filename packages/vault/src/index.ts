export { apiKeyIdOf, createApiKey, isApiKey, type NewApiKey } from './api-key.ts';
export {
  createChannelSigner,
  type ChannelSigner,
  type ClientStateVerdict,
  type Verdict,
} from './channel-signer.ts';
export { createVault, VaultError, type Vault, type VaultKey } from './vault.ts';
