export {
  createChannelSigner,
  type ChannelSigner,
  type ClientStateVerdict,
  type Verdict,
} from './channel-signer.ts';
export { createVault, VaultError, type Vault, type VaultKey } from './vault.ts';
