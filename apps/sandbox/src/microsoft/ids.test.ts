import { immutableId, normalId, parseEventId } from './ids.ts';

const item = { key: 4711, folderId: 'folder-1', moves: 2 };
const slot = { day: -3, generation: 7 };

it('says what it names', () => {
  expect(parseEventId(normalId(item))).toEqual({ key: 4711, isImmutable: false, moves: 2, slot: null });
  expect(parseEventId(normalId(item, slot))).toEqual({ key: 4711, isImmutable: false, moves: 2, slot });
  expect(parseEventId(immutableId(item, slot))).toEqual({ key: 4711, isImmutable: true, moves: 0, slot });
});

it('looks like an id of Exchange', () => {
  expect(normalId(item)).toMatch(/^AAMk[\w-]{50,}=*$/);
  expect(immutableId(item)).toMatch(/^AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A[\w-]+=*$/);
});

it.each([
  ['another case', (id: string) => id.toLowerCase()],
  ['a plus for a minus', (id: string) => id.replaceAll('-', '+')],
  ['no padding', (id: string) => id.replaceAll('=', '')],
  ['a character more', (id: string) => `${id}A`],
  ['half of it', (id: string) => id.slice(0, 40)],
  ['nothing', () => ''],
])('does not know %s', (_name, spoil) => {
  const id = immutableId(item);
  expect(spoil(id)).not.toBe(id);
  expect(parseEventId(spoil(id))).toBeUndefined();
});
