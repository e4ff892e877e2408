/** One page of a keyset-paged list. */
export interface Page<Key> {
  /** The last key of the page before; null asks for the first page. */
  after: Key | null;
  /** Rows at most. Ask for one more than you show, to know whether there is more. */
  limit: number;
}

/** Sorts before every uuidv7, so that a first page needs no statement of its own. */
export const beforeAllIds = '00000000-0000-0000-0000-000000000000';

/** Sorts after every uuid: the first page of a list that begins with its newest. */
export const afterAllIds = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
