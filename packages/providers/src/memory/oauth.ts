/** The memory cloud's token endpoint: a grant lives until the cloud revokes it. */
import { instantOf, SyncError, type TokenEndpoint } from '@calfleet/domain';
import type { MemoryCloud } from './cloud.ts';

/** What Google's access tokens live. */
const LIFE_MS = 3_600_000;

export function createMemoryTokenEndpoint(cloud: MemoryCloud): TokenEndpoint {
  let issued = 0;
  return {
    async refresh({ refreshToken, clock }) {
      if (cloud.revokedGrants.has(refreshToken)) {
        throw new SyncError('credentials_revoked', 'the grant was revoked');
      }
      issued += 1;
      return {
        accessToken: `memory-access-${issued}`,
        expiresAt: instantOf(new Date(clock.now().getTime() + LIFE_MS)),
        refreshToken: null,
        scopes: null,
      };
    },
  };
}
