import { blankFields, type Attendee, type EventTime, type WritableFields } from '@calfleet/domain';
import { collisionsOf, sideOf, sidesOf } from './collisions.ts';

const at = (instant: string): EventTime => ({ kind: 'zoned', instant, zone: 'UTC' });
const base: WritableFields = {
  ...blankFields,
  summary: 'Planning',
  start: at('2026-11-24T09:00:00Z'),
  end: at('2026-11-24T10:00:00Z'),
};
const update = (patch: Partial<WritableFields>) => ({ op: 'update' as const, patch, base });

describe('who stands', () => {
  const wishedAt = new Date('2026-11-20T09:00:00Z');
  const changed = (text: string | null) => ({ updatedAt: text === null ? null : new Date(text) });

  test.each([
    ['provider_wins', changed('2026-11-20T08:00:00Z'), 'provider'],
    ['local_wins', changed('2026-11-20T10:00:00Z'), 'local'],
    ['local_wins', null, 'local'],
    ['manual', null, null],
    ['newest_wins', changed('2026-11-20T08:00:00Z'), 'local'],
    ['newest_wins', changed('2026-11-20T09:00:00Z'), 'local'],
    ['newest_wins', changed('2026-11-20T09:00:01Z'), 'provider'],
    ['newest_wins', changed(null), 'local'],
    ['newest_wins', null, 'provider'],
  ] as const)('%s, there %o: %s', (strategy, there, side) => {
    expect(sideOf(strategy, { wishedAt, there })).toBe(side);
  });
});

describe('what keeps a write from its end', () => {
  test('the fields that both changed', () => {
    const there = { ...base, summary: 'there', location: 'Room 9' };
    expect(sidesOf(collisionsOf(update({ summary: 'here', description: 'more' }), there))).toEqual({
      fields: ['summary'],
      base: { summary: 'Planning' },
      local: { summary: 'here' },
      provider: { summary: 'there' },
    });
  });

  test('where nobody changed the same: all that is still wanted, start and end together', () => {
    const start = at('2026-11-24T09:30:00Z');
    const ada: Attendee = {
      email: 'ada@example.test',
      name: null,
      response: 'needs_action',
      optional: false,
      organizer: false,
      self: false,
      resource: false,
    };
    const patch = { start, end: base.end, attendees: [ada], summary: 'here' };
    expect(sidesOf(collisionsOf(update(patch), { ...base, location: 'Room 9' }))).toEqual({
      fields: ['time', 'summary', 'attendees'],
      base: { time: { start: base.start, end: base.end }, summary: 'Planning', attendees: [] },
      local: { time: { start, end: base.end }, summary: 'here', attendees: [ada] },
      provider: { time: { start: base.start, end: base.end }, summary: 'Planning', attendees: [] },
    });
  });

  test('nothing, where it is there already', () => {
    expect(collisionsOf(update({ summary: 'here' }), { ...base, summary: 'here' })).toEqual([]);
    expect(collisionsOf({ op: 'delete', patch: {}, base }, null)).toEqual([]);
  });

  test('a deletion on one side', () => {
    expect(collisionsOf(update({ summary: 'here' }), null)).toEqual([
      { field: 'deleted', base, local: { summary: 'here' }, provider: null },
    ]);
    expect(collisionsOf({ op: 'delete', patch: {}, base }, base)).toEqual([
      { field: 'deleted', base, local: null, provider: base },
    ]);
  });
});
