/** Who may set what: every body and query of the document takes what it names, and no column of any table beside that. */
import { newId } from '@calfleet/domain';
import { documentOfRoutes } from './testing/answer-check.ts';
import { operationsOf, requestOf, type AskedOperation } from './testing/asked-operations.ts';
import { allRows } from './testing/all-rows.ts';
import { seedEverything, type Owned } from './testing/everything.ts';
import { openHouse, type House, type Reply } from './testing/house.ts';
import { bodyOf, parametersOf, placesOf, type Place } from './testing/samples.ts';

const document = documentOfRoutes();
const operations = operationsOf(document).filter(({ scope }) => scope === 'app' || scope === 'admin');

let house: House;
let user: string;
let owned: Owned;
let columns: string[];
let before: string;
beforeAll(async () => {
  house = await openHouse();
  user = `owner-${newId()}`;
  owned = await seedEverything(house, user);
  const rows = await house.worker<{ name: string }>(
    `select distinct attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and attnum > 0 and not attisdropped order by 1`,
  );
  columns = rows.map(({ name }) => name);
  before = await allRows(house);
});
afterAll(() => house.close());

/** A problem names twenty fields at most. */
const atOnce = 15;
const inLots = (names: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(names.length / atOnce) }, (_none, lot) =>
    names.slice(lot * atOnce, (lot + 1) * atOnce),
  );

const own = (operation: AskedOperation) =>
  requestOf(document, operation, ({ room, in: place }) => (place === 'path' ? owned[room] : null));

function expectNamed({ status, body }: Reply, paths: readonly string[]): void {
  expect([status, body.code]).toEqual([422, 'invalid_input']);
  const named = new Set(body.errors.map(({ path }) => path));
  expect(paths.filter((path) => !named.has(path))).toEqual([]);
}

test('there are columns to try', () => {
  expect(columns).toEqual(expect.arrayContaining(['user_id', 'data_key', 'cursor', 'lease_epoch', 'raw']));
});

test.each(operations.map((each) => [each.name, each] as const))('%s: queries', async (_name, operation) => {
  const known = new Set(parametersOf(document, operation.operation).map(({ name }) => name));
  const { method, path, body } = own(operation);
  for (const lot of inLots(columns.filter((name) => !known.has(name)))) {
    const extra = lot.map((name) => `${name}=1`).join('&');
    const reply = await house.send(method, `!${path}${path.includes('?') ? '&' : '?'}${extra}`, body, {
      user,
    });
    expectNamed(reply, lot);
  }
  expect(await allRows(house)).toBe(before);
});

const bodies = operations.flatMap((operation) => {
  const schema = bodyOf(operation.operation);
  return schema
    ? placesOf(document, schema).map((place) => [operation.name, place.path, operation, place] as const)
    : [];
});

test.each(bodies)('%s: bodies, at "%s"', async (_name, at, operation, place: Place) => {
  const { method, path } = own(operation);
  for (const lot of inLots(columns.filter((name) => !place.known.has(name)))) {
    const extra = Object.fromEntries(lot.map((name) => [name, 1]));
    const reply = await house.send(method, `!${path}`, place.bodyWith(extra), { user });
    expectNamed(
      reply,
      lot.map((name) => (at === '' ? name : `${at}.${name}`)),
    );
  }
  expect(await allRows(house)).toBe(before);
});
