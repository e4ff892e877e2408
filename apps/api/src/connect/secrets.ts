/** What ties a trip to a provider's consent page to the user who went there. */
import { createHash, randomBytes } from 'node:crypto';

/** 256 bits each: none can be guessed, and a verifier may have 43 characters at least (RFC 7636, 4.1). */
const bytes = 32;

export const newSecret = (): string => randomBytes(bytes).toString('base64url');

/** What is stored of a state: it opens nothing by itself. */
export const hashOfState = (state: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createHash('sha256').update(state).digest());

/** Ten minutes: longer than codes live, so that whoever is slow hears it from the provider. */
export const stateLifeMs = 600_000;

/** Under which name a verifier is sealed. */
export const verifierField = 'code_verifier';
