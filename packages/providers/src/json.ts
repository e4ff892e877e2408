/** Reading JSON that may be anything: a field of the wrong type counts as absent, since weird data exists. */
export type Json = Record<string, unknown>;

/** Narrows to an object; arrays are none. */
export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A string that says something, else null. */
export const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

/** The objects of an array; what is no array has none. */
export const objectsOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isJson) : []);

/** The value when it is one of the given words, else the first of them. */
export function wordOf<Word extends string>(value: unknown, words: readonly [Word, ...Word[]]): Word {
  return words.find((word) => word === value) ?? words[0];
}
