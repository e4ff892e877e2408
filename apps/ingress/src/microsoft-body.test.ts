import fc from 'fast-check';
import { itemsMax, readMicrosoftBody, type MicrosoftItem } from './microsoft-body.ts';

const read = (body: unknown) => readMicrosoftBody(Buffer.from(JSON.stringify(body)));
const problems = (bytes: string | Uint8Array) => {
  const result = readMicrosoftBody(Buffer.from(bytes));
  return 'problems' in result ? result.problems : [];
};
const one = (item: unknown): MicrosoftItem | undefined => {
  const result = read({ value: [item] });
  return 'items' in result ? result.items[0] : undefined;
};

const change = {
  subscriptionId: '7f105c7d-2dc5-4530-97cd-4e7ae6534c07',
  subscriptionExpirationDateTime: '2026-11-27T18:23:45.9356913Z',
  changeType: 'updated',
  clientState: 'v1.k1.x',
  resource: 'Users/x/Events/y',
  tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
};
const { changeType: _, ...lifecycle } = change;

test('a notification is an item of a body', () => {
  expect(one(change)).toEqual({
    notification: {
      clientState: 'v1.k1.x',
      event: 'change',
      subscriptionId: '7f105c7d-2dc5-4530-97cd-4e7ae6534c07',
      expiresAt: '2026-11-27T18:23:45.935Z',
    },
  });
});

test.each([
  [{ ...change, changeType: 'created' }, 'change'],
  [{ ...change, changeType: 'deleted' }, 'change'],
  [{ ...change, lifecycleEvent: null }, 'change'],
  [{ ...lifecycle, lifecycleEvent: 'reauthorizationRequired' }, 'reauthorization_required'],
  [{ ...lifecycle, lifecycleEvent: 'subscriptionRemoved' }, 'subscription_removed'],
  [{ ...lifecycle, lifecycleEvent: 'missed' }, 'missed'],
  [{ ...change, lifecycleEvent: 'missed' }, 'missed'],
])('%j is the event %s', (item, event) => {
  expect(one(item)).toMatchObject({ notification: { event } });
});

test.each([
  ['2026-11-27T10:23:45.9356913-08:00', '2026-11-27T18:23:45.935Z'],
  ['2026-11-27T18:23:45Z', '2026-11-27T18:23:45.000Z'],
  ['2026-11-27T18:23:45', null],
  ['2026-02-31T18:23:45Z', null],
  ['9999-12-31T23:59:59-14:00', null],
  ['0000-01-01T00:00:00+14:00', null],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ['tomorrow', null],
  ['', null],
  [1_795_803_825_000, null],
  [null, null],
  [undefined, null],
])('the expiry %p is %p, and never costs the item', (subscriptionExpirationDateTime, expiresAt) => {
  expect(one({ ...change, subscriptionExpirationDateTime })).toMatchObject({ notification: { expiresAt } });
});

test.each([[undefined], [null], [42], [['v1.k1.x']], [{}]])(
  'the client state %p is none, which is for the signature to judge',
  (clientState) => {
    expect(one({ ...change, clientState })).toMatchObject({ notification: { clientState: undefined } });
  },
);

test.each([
  [null, 'malformed'],
  ['text', 'malformed'],
  [[], 'malformed'],
  [{}, 'malformed'],
  [{ ...change, subscriptionId: undefined }, 'malformed'],
  [{ ...change, subscriptionId: 7 }, 'malformed'],
  [{ ...change, subscriptionId: '' }, 'malformed'],
  [{ ...change, subscriptionId: 'a b' }, 'malformed'],
  [{ ...change, subscriptionId: 'x'.repeat(513) }, 'malformed'],
  [{ ...change, changeType: undefined }, 'malformed'],
  [{ ...change, changeType: 'exploded' }, 'malformed'],
  [{ ...change, changeType: 'created,updated' }, 'malformed'],
  [{ ...change, lifecycleEvent: 7 }, 'malformed'],
  [{ ...lifecycle, lifecycleEvent: 'retired' }, 'unknown_event'],
  [{ ...lifecycle, lifecycleEvent: '' }, 'unknown_event'],
  [{ ...lifecycle, lifecycleEvent: 'constructor' }, 'unknown_event'],
])('the item %j is %s', (item, problem) => {
  expect(one(item)).toEqual({ problem });
});

test('a bad item costs no other', () => {
  const result = read({ value: [change, null, { ...change, changeType: 'exploded' }, change] });
  expect('items' in result && result.items.map((item) => 'notification' in item)).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('an empty body of none is a list of none, and a byte order mark is no problem', () => {
  expect(read({ value: [] })).toEqual({ items: [] });
  expect(readMicrosoftBody(Buffer.from('\ufeff{"value":[]}'))).toEqual({ items: [] });
});

test.each([
  ['', 'body', 'is not JSON'],
  ['{"value":[', 'body', 'is not JSON'],
  [Buffer.from([0xff, 0xfe]), 'body', 'is not JSON'],
  ['null', 'body', 'is not an object'],
  ['[]', 'body', 'is not an object'],
  ['{}', 'value', 'is not a list of notifications'],
  ['{"value":{}}', 'value', 'is not a list of notifications'],
  ['{"Value":[]}', 'value', 'is not a list of notifications'],
  [JSON.stringify({ value: Array(itemsMax + 1).fill(0) }), 'value', `has more than ${itemsMax} items`],
])('the body %p is refused: %s', (bytes, path, message) => {
  expect(problems(bytes)).toEqual([{ path, message }]);
});

test('as many items as a body can hold are read', () => {
  const result = read({ value: Array(itemsMax).fill(change) });
  expect('items' in result && result.items).toHaveLength(itemsMax);
});

test('nothing that can be sent makes it throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
        fc
          .array(fc.object({ key: fc.constantFrom(...Object.keys(change), 'lifecycleEvent', '__proto__') }), {
            maxLength: 5,
          })
          .map((value) => Buffer.from(JSON.stringify({ value }))),
      ),
      (bytes) => {
        const result = readMicrosoftBody(bytes);
        return 'items' in result || result.problems.length > 0;
      },
    ),
    { numRuns: 500 },
  );
});
