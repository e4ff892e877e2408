/** Consents can be begun, and no provider answers what comes of them. */
import { createConsents } from '@calfleet/providers';
import type { Connect } from '../context.ts';

export const connectNowhere: Connect = {
  publicUrl: 'https://calendar.example.test/',
  redirectUris: [],
  consents: createConsents({
    timeoutMs: 1_000,
    google: {
      clientId: 'id',
      clientSecret: 'secret',
      authUrl: 'http://127.0.0.1:9/auth',
      tokenUrl: 'http://127.0.0.1:9/token',
    },
    microsoft: null,
  }),
};
