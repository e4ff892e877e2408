/**
 * Every data key that the ring of TOKEN_ENCRYPTION_KEYS seals, wherever it is kept, so that a rotation forgets none. A key
 * is replaced only where the one that was read is still there: whoever wrote meanwhile is right. Worker role only.
 */
import { Prisma } from '../generated/client';
import type { Transaction } from './transaction.ts';

/** `idempotency_keys`: first answers that hold a state, which are kept sealed. */
export const dataKeyPlaces = ['accounts', 'oauth_states', 'idempotency_keys'] as const;
export type DataKeyPlace = (typeof dataKeyPlaces)[number];

/** Accounts that have left and whose rows stay are told apart. */
export type DataKeyHolder = DataKeyPlace | 'disconnected_accounts';

/**
 * The ring key that a data key is sealed by, as packages/vault writes it: version · length of the id · id · … '' where
 * it is none of that.
 */
const keyIdOf = (dataKey: Prisma.Sql): Prisma.Sql => Prisma.sql`
  (case when length(${dataKey}) > 2 and get_byte(${dataKey}, 0) = 1 and length(${dataKey}) > 2 + get_byte(${dataKey}, 1)
    then encode(substring(${dataKey} from 3 for get_byte(${dataKey}, 1)), 'escape') else '' end)`;

/** `id` is what the data key is bound to; the same columns for every place. */
const keptIn: Record<DataKeyPlace, Prisma.Sql> = {
  accounts: Prisma.sql`select id, data_key,
    case status when 'disconnected' then 'disconnected_accounts' else 'accounts' end as holder from calendar_accounts`,
  oauth_states: Prisma.sql`select id, data_key, 'oauth_states' as holder from calendar_oauth_states`,
  idempotency_keys: Prisma.sql`select response ->> 'id' as id, decode(response ->> 'data_key', 'base64') as data_key,
    'idempotency_keys' as holder from calendar_idempotency_keys where response ?& '{id,data_key,sealed}'::text[]`,
};

/** Reads whole tables: a person's question. */
export async function countDataKeys(
  tx: Transaction,
): Promise<{ holder: DataKeyHolder; key_id: string; keys: number }[]> {
  return tx.$queryRaw<{ holder: DataKeyHolder; key_id: string; keys: number }[]>`
    select holder, ${keyIdOf(Prisma.sql`data_key`)} as key_id, count(*)::int as keys
      from (${Prisma.join(
        dataKeyPlaces.map((place) => Prisma.sql`select holder, data_key from (${keptIn[place]}) one`),
        ' union all ',
      )}) kept
     group by 1, 2 order by 1, 2`;
}

export interface KeptDataKey {
  id: string;
  holder: DataKeyHolder;
  dataKey: Uint8Array;
}

/** Data keys that another key than `keyId` seals, by the id that they are bound to. */
export async function dataKeysToReseal(
  tx: Transaction,
  place: DataKeyPlace,
  page: { keyId: string; after: string | null; limit: number },
): Promise<KeptDataKey[]> {
  return tx.$queryRaw<KeptDataKey[]>`
    select id::text as id, holder, data_key as "dataKey" from (${keptIn[place]}) kept
     where ${isAfter(place, page.after)} and ${keyIdOf(Prisma.sql`data_key`)} <> ${page.keyId}
     order by kept.id limit ${page.limit}`;
}

/** By the primary key where there is one; of answers few are sealed, and those for a day. */
const isAfter = (place: DataKeyPlace, after: string | null): Prisma.Sql => {
  if (after === null) return Prisma.sql`true`;
  return place === 'idempotency_keys' ? Prisma.sql`id > ${after}` : Prisma.sql`id > ${after}::uuid`;
};

/**
 * Rows that somebody holds just now are left for another time: this waits for nobody, so nobody can wait for it in a circle.
 * @returns the ids whose data key was replaced
 */
export async function replaceDataKeys(
  tx: Transaction,
  place: DataKeyPlace,
  keys: readonly { id: string; from: Uint8Array; to: Uint8Array }[],
): Promise<string[]> {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const input = keys.map(({ id, from, to }) => ({ id, was: hex(from), sealed: hex(to) }));
  const rows = await tx.$queryRaw<{ id: string }[]>`
    with input as materialized (
      select id, decode(was, 'hex') as was, decode(sealed, 'hex') as sealed
        from json_to_recordset(${JSON.stringify(input)}::json) as x(id text, was text, sealed text)
    )
    ${replaceIn[place]}`;
  return rows.map(({ id }) => id);
}

const replaceIn: Record<DataKeyPlace, Prisma.Sql> = {
  accounts: Prisma.sql`,
    free as materialized (
      select a.id, i.sealed from calendar_accounts a join input i on a.id = i.id::uuid and a.data_key = i.was
         for no key update of a skip locked
    )
    update calendar_accounts a set data_key = free.sealed from free where a.id = free.id returning a.id::text as id`,
  oauth_states: Prisma.sql`,
    free as materialized (
      select s.id, i.sealed from calendar_oauth_states s join input i on s.id = i.id::uuid and s.data_key = i.was
         for no key update of s skip locked
    )
    update calendar_oauth_states s set data_key = free.sealed from free where s.id = free.id returning s.id::text as id`,
  idempotency_keys: Prisma.sql`,
    free as materialized (
      select k.user_id, k.key, i.id, i.sealed from calendar_idempotency_keys k
        join input i on k.response ->> 'id' = i.id and k.response ->> 'data_key' = ${base64(Prisma.sql`i.was`)}
         for no key update of k skip locked
    )
    update calendar_idempotency_keys k
       set response = jsonb_set(k.response, '{data_key}', to_jsonb(${base64(Prisma.sql`free.sealed`)}))
      from free where k.user_id = free.user_id and k.key = free.key returning free.id`,
};

/** In one line, as JavaScript writes it; Postgres breaks it after 76 characters (RFC 2045). */
function base64(bytes: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`replace(encode(${bytes}, 'base64'), E'\\n', '')`;
}
