import fc from 'fast-check';
import type { Attendee } from './event.ts';
import { mergeEvent, type EventPatch, type Side, type WritableFields } from './merge.ts';

const at = (hour: string) => ({ kind: 'zoned' as const, instant: `2026-11-23T${hour}:00:00Z`, zone: 'UTC' });

const base: WritableFields = {
  status: 'confirmed',
  summary: 'Stand-up',
  description: null,
  location: 'Room 1',
  start: at('09'),
  end: at('10'),
  recurrence: [],
  attendees: [],
  visibility: 'default',
  transparency: 'opaque',
};

const guest = (email: string, changes: Partial<Attendee> = {}): Attendee => ({
  email,
  name: null,
  response: 'needs_action',
  optional: false,
  organizer: false,
  self: false,
  resource: false,
  ...changes,
});

const merge = (local: EventPatch, provider: Partial<WritableFields>, prefer: Side = 'provider') =>
  mergeEvent({ base, local, provider: { ...base, ...provider }, prefer });

test('nothing changed there: all of the patch is still to be written', () => {
  const patch = { summary: 'Retro', start: at('11'), end: at('12') };
  expect(merge(patch, {})).toEqual({ patch, collisions: [] });
});

test('other fields changed there: both changes stand', () => {
  const merged = merge({ summary: 'Retro' }, { location: 'Room 2', start: at('11'), end: at('12') });
  expect(merged).toEqual({ patch: { summary: 'Retro' }, collisions: [] });
});

test('the same was done there: nothing is left to write', () => {
  expect(merge({ summary: 'Retro' }, { summary: 'Retro' })).toEqual({ patch: {}, collisions: [] });
});

test('a value that is the old one is no wish', () => {
  expect(merge({ summary: 'Stand-up' }, { summary: 'Retro' })).toEqual({ patch: {}, collisions: [] });
});

test.each<[Side, EventPatch]>([
  ['local', { summary: 'Retro' }],
  ['provider', {}],
])('both changed the same: the value of the %s side stands, and both are told', (prefer, patch) => {
  const collision = { field: 'summary', base: 'Stand-up', local: 'Retro', provider: 'Planning' };
  expect(merge({ summary: 'Retro' }, { summary: 'Planning' }, prefer)).toEqual({
    patch,
    collisions: [collision],
  });
});

test('start and end move as one: a new end here and a new start there collide', () => {
  const merged = merge({ end: at('11') }, { start: at('08') }, 'local');
  expect(merged.patch).toEqual({ start: at('09'), end: at('11') });
  expect(merged.collisions).toEqual([
    {
      field: 'time',
      base: { start: at('09'), end: at('10') },
      local: { start: at('09'), end: at('11') },
      provider: { start: at('08'), end: at('10') },
    },
  ]);
});

describe('attendees', () => {
  const withGuests: WritableFields = { ...base, attendees: [guest('ada@x.test'), guest('bob@x.test')] };
  const mergeGuests = (here: Attendee[], there: Attendee[], prefer: Side = 'provider') =>
    mergeEvent({
      base: withGuests,
      local: { attendees: here },
      provider: { ...withGuests, attendees: there },
      prefer,
    });

  test('somebody is invited here while another answers there', () => {
    const answered = guest('bob@x.test', { response: 'accepted', name: 'Bob' });
    const merged = mergeGuests(
      [...withGuests.attendees, guest('eve@x.test')],
      [guest('ada@x.test'), answered],
    );
    expect(merged).toEqual({
      patch: { attendees: [guest('ada@x.test'), answered, guest('eve@x.test')] },
      collisions: [],
    });
  });

  test('who is taken off here while answering there collides', () => {
    const answered = guest('bob@x.test', { response: 'declined' });
    const merged = mergeGuests([guest('ada@x.test')], [guest('ada@x.test'), answered], 'local');
    expect(merged.patch).toEqual({ attendees: [guest('ada@x.test')] });
    expect(merged.collisions.map(({ field }) => field)).toEqual(['attendees.bob@x.test']);
  });

  test('order, letters of addresses and names are no change', () => {
    const there = [guest('bob@x.test', { name: 'Bob' }), guest('ada@x.test', { name: 'Ada' })];
    expect(mergeGuests([guest('ADA@x.test'), guest('bob@x.test')], there)).toEqual({
      patch: {},
      collisions: [],
    });
  });

  test('those without an address stay', () => {
    const nameless = guest('', { email: null, name: 'A room of others' });
    const merged = mergeGuests([guest('ada@x.test')], [...withGuests.attendees, nameless]);
    expect(merged.patch.attendees).toEqual([guest('ada@x.test'), nameless]);
  });
});

describe('for any three states', () => {
  const text = fc.constantFrom(null, 'a', 'b', 'c');
  const some = fc.record({
    summary: text,
    location: text,
    description: text,
    hour: fc.constantFrom('07', '08', '09'),
    guests: fc.subarray(['ada@x.test', 'bob@x.test', 'eve@x.test']),
  });
  type Some = typeof some extends fc.Arbitrary<infer T> ? T : never;
  const fieldsOf = ({ hour, guests, ...texts }: Some): WritableFields => ({
    ...base,
    ...texts,
    start: at(hour),
    attendees: guests.map((email) => guest(email)),
  });
  const changed = ({
    summary,
    location,
    description,
    start,
    end,
    attendees,
  }: WritableFields): EventPatch => ({
    summary,
    location,
    description,
    start,
    end,
    attendees,
  });

  test('writing what is left and merging again leaves nothing: the loop ends', () => {
    fc.assert(
      fc.property(
        some,
        some,
        some,
        fc.constantFrom<Side>('local', 'provider'),
        (was, here, there, prefer) => {
          const [base, local, provider] = [fieldsOf(was), changed(fieldsOf(here)), fieldsOf(there)];
          const { patch } = mergeEvent({ base, local, provider, prefer });
          const written = { ...provider, ...patch };
          expect(mergeEvent({ base: provider, local: patch, provider: written, prefer })).toEqual({
            patch: {},
            collisions: [],
          });
        },
      ),
    );
  });

  test('a value of ours that does not stand is told, or was no wish', () => {
    fc.assert(
      fc.property(
        some,
        some,
        some,
        fc.constantFrom<Side>('local', 'provider'),
        (was, here, there, prefer) => {
          const [base, local, provider] = [fieldsOf(was), changed(fieldsOf(here)), fieldsOf(there)];
          const { patch, collisions } = mergeEvent({ base, local, provider, prefer });
          const written = { ...provider, ...patch };
          const told = new Set(collisions.map(({ field }) => field));
          for (const field of ['summary', 'location', 'description'] as const) {
            const stands = written[field] === local[field] || local[field] === base[field];
            expect({ field, kept: stands || told.has(field) }).toEqual({ field, kept: true });
          }
          const hasStart =
            written.start === local.start || here.hour === was.hour || there.hour === here.hour;
          expect(hasStart || told.has('time')).toBe(true);
        },
      ),
    );
  });

  test('what nobody touched here is as the provider has it', () => {
    fc.assert(
      fc.property(some, some, (was, there) => {
        const provider = fieldsOf(there);
        const merged = mergeEvent({ base: fieldsOf(was), local: {}, provider, prefer: 'local' });
        expect(merged).toEqual({ patch: {}, collisions: [] });
      }),
    );
  });
});
