import type { EventFields } from './event.ts';
import { fingerprintOf } from './fingerprint.ts';

const zone = 'Europe/Berlin';
const person = { email: 'zoe@guests.test', name: 'Zoe', self: false };
const fields: EventFields = {
  icalUid: 'uid',
  status: 'confirmed',
  summary: 'Planning',
  description: null,
  location: null,
  start: { kind: 'zoned', instant: '2026-11-24T09:00:00Z', zone },
  end: { kind: 'zoned', instant: '2026-11-24T10:00:00Z', zone },
  recurrence: [],
  attendees: [{ ...person, response: 'accepted', optional: false, organizer: false, resource: false }],
  organizer: person,
  meetingUrl: null,
  visibility: 'default',
  transparency: 'opaque',
  eventType: 'default',
  htmlLink: null,
};

/** The same, with its members in another order all the way down, as jsonb gives it back. */
function reordered(value: unknown, order: (names: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => reordered(each, order));
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Record<string, unknown>;
  return Object.fromEntries(
    order(Object.keys(members)).map((name) => [name, reordered(members[name], order)]),
  );
}

const same = fingerprintOf('single', null, fields);

it('looks at what is said, not at the order of its members', () => {
  const orders = [(names: string[]) => names.toReversed(), (names: string[]) => names.toSorted()];
  for (const order of orders) {
    expect(fingerprintOf('single', null, reordered(fields, order) as EventFields)).toBe(same);
  }
});

it('changes with each field, and with each member of a field', () => {
  const paths: [string, unknown][] = [
    ['summary', null],
    ['start', { ...fields.start, zone: 'UTC' }],
    ['end', { kind: 'date', date: '2026-11-24' }],
    ['attendees', []],
    ...Object.keys(fields.attendees[0] ?? {}).map((name): [string, unknown] => [
      'attendees',
      [{ ...fields.attendees[0], [name]: 'other' }],
    ]),
    ['organizer', { ...person, self: true }],
    ['organizer', null],
  ];
  const prints = paths.map(([name, value]) => fingerprintOf('single', null, { ...fields, [name]: value }));
  expect(new Set([same, ...prints]).size).toBe(paths.length + 1);
});
