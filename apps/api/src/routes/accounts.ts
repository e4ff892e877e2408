import { z } from 'zod';
import { api, beginLeaving } from '@calfleet/db';
import { newId, type AccountId } from '@calfleet/domain';
import { account, accountAnswer } from '../answers/calendar.ts';
import { asUser } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { flag, pathId, plainText } from '../requests/input.ts';
import { idPage, pageOf, pageParams } from '../requests/paging.ts';
import { forUser } from '../route.ts';
import { performWrite } from '../writes.ts';

const listed = {
  summary: 'Accounts of the user',
  query: z.strictObject(pageParams),
  answers: { 200: pageOf(account, 'Oldest first.') },
};

export const listAccounts = forUser(listed, async (context, call, { query }) => {
  const { page, answer } = idPage('accounts', query);
  const rows = await asUser(context, call, (tx) => api.listAccounts(tx, { userId: call.userId, ...page }));
  return { status: 200, body: answer(rows, (row) => row.id, accountAnswer) };
});

const shown = {
  summary: 'One account',
  answers: { 200: account },
  problems: ['not_found'],
} as const;

export const getAccount = forUser(shown, async (context, call) => {
  const id = pathId(call);
  const row = await asUser(context, call, (tx) => api.findAccount(tx, { userId: call.userId, id }));
  if (!row) throw notFound();
  return { status: 200, body: accountAnswer(row) };
});

const newAccount = z.strictObject({
  provider: z.enum(['google', 'microsoft'], { error: 'must be google or microsoft' }),
  // RFC 6749 sets no limit; Google says up to 512 bytes, Microsoft's are about 1,500.
  refresh_token: plainText({ max: 8192 }).describe('Sealed before it is stored, and never shown again.'),
  scopes: z
    .array(plainText({ max: 512 }), { error: 'must be a list of texts' })
    .max(100)
    .optional()
    .describe('What was consented to, in the words of the provider.'),
});

const added = {
  summary: 'Connects an account whose grant your backend already holds',
  details: 'Its calendars are found, read and watched without another call: see GET /sync/status.',
  body: newAccount,
  answers: { 201: account },
};

/** The backend already holds the grant: it is sealed and stored, discovery follows by itself. */
export const addAccount = forUser(added, async (context, call, { body }) => {
  const { provider, refresh_token, scopes = [] } = body;
  if (!context.config.providers[provider]) throw invalid('provider', 'is switched off here');
  const { vault, clock } = context;
  return performWrite(context, call, {
    work: async (tx) => {
      const id = newId<AccountId>();
      const dataKey = vault.newDataKey(id);
      const sealed = vault.seal({ accountId: id, dataKey, field: 'refresh_token', plaintext: refresh_token });
      const row = await api.insertAccount(tx, {
        id,
        userId: call.userId,
        provider,
        scopes,
        dataKey: new Uint8Array(dataKey),
        refreshToken: new Uint8Array(sealed),
        now: clock.now(),
      });
      return {
        status: 201,
        body: accountAnswer(row),
        rings: [{ name: 'discover-account', payload: { accountId: id } }],
      };
    },
  });
});

const leaving = z.strictObject({
  purge: flag().default(true).describe('Whether its rows go, too; true unless told.'),
  delete_managed_events: flag()
    .default(false)
    .describe(
      'Whether events that were created through Calfleet are deleted at the provider; false unless told.',
    ),
});

const removed = {
  summary: 'Disconnects an account',
  details:
    'Stops its channels, revokes the grant where nobody else lives on it, and deletes what is kept, step by step.',
  query: leaving,
  answers: { 202: z.object({ status: z.literal('disconnecting') }) },
  problems: ['not_found'],
} as const;

/**
 * The account leaves; what is left to do is a job's. Without `purge=false` nothing is kept. The answer names nobody: it is
 * kept for its Idempotency-Key, and is to outlive what it is about.
 */
export const removeAccount = forUser(removed, async (context, call, { query }) => {
  const { purge, delete_managed_events: deletesManaged } = query;
  const id = pathId(call) as AccountId;
  const { userId } = call;
  return performWrite(context, call, {
    work: async (tx) => {
      const at = context.clock.now();
      if (!(await beginLeaving(tx, { id, userId, purge, deletesManaged, at }))) throw notFound();
      return {
        status: 202,
        body: { status: 'disconnecting' },
        rings: [{ name: 'leave-account', payload: { accountId: id } }],
      };
    },
  });
});
