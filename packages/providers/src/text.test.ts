import fc from 'fast-check';
import { storable, storableJson } from './text.ts';

const broken = /[\p{Surrogate}\0]/u;

it('replaces NUL and lone surrogates and nothing else', () => {
  expect(storable('a\0b\uD83Dc\uDE00 😀')).toBe('a\uFFFDb\uFFFDc\uFFFD 😀');
});

it('makes any JSON value storable, keys too, and leaves clean values as they are', () => {
  // Through its text, as answers come: JSON knows no negative zero.
  const anyJson = fc.json({ stringUnit: 'binary' }).map((text): unknown => JSON.parse(text));
  fc.assert(
    fc.property(anyJson, fc.string({ unit: 'binary' }), (value, key) => {
      const { value: cleaned, raw } = storableJson({ [key]: value, nul: '\0', half: '\uD83D' });
      expect(JSON.parse(raw)).toEqual(cleaned);
      expect(raw).not.toMatch(broken);
      // An escape for either character would be refused by jsonb; `\\u0000` is an escaped backslash and fine.
      expect(raw.replaceAll('\\\\', '')).not.toMatch(/\\u(0000|d[89a-f])/);
    }),
  );
});

it('gives a clean value back untouched', () => {
  const value = { text: 'tab\t, accent é, emoji 😀' };
  expect(storableJson(value)).toEqual({ value, raw: JSON.stringify(value) });
  expect(storableJson(value).value).toBe(value);
});
