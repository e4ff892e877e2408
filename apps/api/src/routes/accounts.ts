import { z } from 'zod';
import { api, beginLeaving } from '@calfleet/db';
import { newId, type AccountId } from '@calfleet/domain';
import { accountAnswer } from '../answers/calendar.ts';
import { asUser, type Handler } from '../context.ts';
import { invalid, notFound } from '../problems.ts';
import { flag, pathId, plainText, readBody, readQuery } from '../requests/input.ts';
import { idPage, pageParams } from '../requests/paging.ts';
import { performWrite } from '../writes.ts';

export const listAccounts: Handler = async (context, call) => {
  const query = readQuery(call, z.strictObject(pageParams));
  const { page, answer } = idPage('accounts', query);
  const rows = await asUser(context, call, (tx) => api.listAccounts(tx, { userId: call.userId, ...page }));
  return { status: 200, body: answer(rows, (row) => row.id, accountAnswer) };
};

export const getAccount: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const id = pathId(call);
  const row = await asUser(context, call, (tx) => api.findAccount(tx, { userId: call.userId, id }));
  if (!row) throw notFound();
  return { status: 200, body: accountAnswer(row) };
};

const newAccount = z.strictObject({
  provider: z.enum(['google', 'microsoft'], { error: 'must be google or microsoft' }),
  // RFC 6749 sets no limit; Google says up to 512 bytes, Microsoft's are about 1,500.
  refresh_token: plainText({ max: 8192 }),
  scopes: z
    .array(plainText({ max: 512 }), { error: 'must be a list of texts' })
    .max(100)
    .optional(),
});

/** The backend already holds the grant: it is sealed and stored, discovery follows by itself. */
export const addAccount: Handler = async (context, call) => {
  readQuery(call, z.strictObject({}));
  const { provider, refresh_token, scopes = [] } = readBody(call, newAccount);
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
};

const leaving = z.strictObject({
  purge: flag().default(true),
  delete_managed_events: flag().default(false),
});

/**
 * The account leaves; what is left to do is a job's. Without `purge=false` nothing is kept. The answer names nobody: it is
 * kept for its Idempotency-Key, and is to outlive what it is about.
 */
export const removeAccount: Handler = async (context, call) => {
  const { purge, delete_managed_events: deletesManaged } = readQuery(call, leaving);
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
};
