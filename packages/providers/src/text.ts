/**
 * Text that Postgres can hold: neither text nor jsonb takes U+0000, and lone surrogates are no UTF-8. Both become
 * U+FFFD, so that one odd character costs itself and not its event.
 */

/** With the `u` flag a surrogate that belongs to a pair is no match. */
const UNSTORABLE = /[\p{Surrogate}\0]/gu;

/** The text with U+0000 and lone surrogates replaced. */
export const storable = (text: string): string => text.replace(UNSTORABLE, '\uFFFD');

/** JSON text of a value and the value itself, both storable. */
interface StorableJson {
  value: unknown;
  raw: string;
}

/**
 * The value as storable JSON. `JSON.stringify` writes exactly the characters that we are after (and other control
 * characters) as `\uXXXX`, so one search of the text spares nearly every item the walk through its strings.
 */
export function storableJson(value: unknown): StorableJson {
  // Undefined has no JSON text.
  const raw = (JSON.stringify(value) as string | undefined) ?? 'null';
  if (!raw.includes('\\u')) return { value, raw };
  const cleaned = storableDeep(value);
  return { value: cleaned, raw: JSON.stringify(cleaned) };
}

function storableDeep(value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map(storableDeep);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, held]) => [storable(key), storableDeep(held)]),
    );
  }
  return value;
}
