/** Keyset paging: a cursor names the last row that was shown, so that a page stays stable while rows come and go. */
import { z } from 'zod';
import { invalid } from '../problems.ts';
import { wholeNumber, isUuid } from './input.ts';

export const pageSizeDefault = 50;

/** 50 unless told, 500 at most. */
export const pageParams = {
  limit: wholeNumber({ min: 1, max: 500 })
    .optional()
    .describe(`How many items at most; ${pageSizeDefault} unless told.`),
  cursor: z
    .string()
    .max(1000, { error: 'is not a cursor of this list' })
    .optional()
    .describe('`next_cursor` of the page before, as it was answered; left out: the first page.'),
};

/** What a page of a list answers. */
export const pageOf = <Item extends z.ZodType>(item: Item, description: string) =>
  z
    .object({
      items: z.array(item),
      next_cursor: z
        .string()
        .nullable()
        .describe('To be sent as `cursor` for the next page; null at the end.'),
    })
    .describe(description);

/** A list's name stands in its cursors: one of another list is refused. */
export const writeCursor = (list: string, key: readonly string[]): string =>
  Buffer.from(JSON.stringify([list, ...key])).toString('base64url');

/** @throws RequestProblem that names `cursor` */
export function readCursor<Key extends z.ZodType>(
  list: string,
  cursor: string | undefined,
  schema: Key,
): z.output<Key> | null {
  if (cursor === undefined) return null;
  const [name, ...key] = parts(cursor);
  const parsed = schema.safeParse(key);
  if (name !== list || !parsed.success) throw invalid('cursor', 'is not a cursor of this list');
  return parsed.data;
}

function parts(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

const idKey = z.tuple([z.string().refine(isUuid)]);

/** A list that is keyed by id alone. */
export function idPage(
  list: string,
  { cursor, limit = pageSizeDefault }: { cursor?: string | undefined; limit?: number | undefined },
) {
  const [after] = readCursor(list, cursor, idKey) ?? [null];
  return {
    /** One row more than is shown says whether there is another page. */
    page: { after, limit: limit + 1 },
    answer: <Row, Item>(rows: readonly Row[], idOf: (row: Row) => string, show: (row: Row) => Item) => {
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return { items: shown.map(show), next_cursor: last ? writeCursor(list, [idOf(last)]) : null };
    },
  };
}
