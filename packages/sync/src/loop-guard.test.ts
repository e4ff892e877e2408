import type { ChangesPage, RemoteItem } from '@calfleet/domain';
import { ListLoops, LoopGuard } from './loop-guard.ts';

const absent = (providerEventId: string): RemoteItem => ({ type: 'absent', providerEventId });
const page = (items: RemoteItem[], nextPageCursor: string | null = 'next'): ChangesPage => ({
  items,
  nextPageCursor,
  nextCursor: nextPageCursor === null ? 'done' : null,
});

test('the same items in any order, for the third time, are a loop', () => {
  const guard = new LoopGuard();
  guard.pass(page([absent('a'), absent('b')], 'link 1'));
  guard.pass(page([absent('b'), absent('a')], 'link 2'));
  expect(() => guard.pass(page([absent('a'), absent('b')], 'link 3'))).toThrow(ListLoops);
});

test('two alternating pages are a loop, too', () => {
  const guard = new LoopGuard();
  const go = () => {
    for (let n = 0; n < 10; n += 1) guard.pass(page([absent(n % 2 === 0 ? 'a' : 'b')]));
  };
  expect(go).toThrow(ListLoops);
});

test('a page that comes twice, another version, and the last page are none', () => {
  const guard = new LoopGuard();
  const at = (slot: string): RemoteItem => ({
    type: 'instance',
    providerEventId: 'i',
    providerSeriesId: 's',
    slot,
    start: { kind: 'zoned', instant: slot, zone: null },
    end: { kind: 'zoned', instant: slot, zone: null },
  });
  for (const slot of ['1', '1', '2', '2', '3', '3']) guard.pass(page([at(slot)]));
  expect(() => guard.pass(page([at('3')], null))).not.toThrow();
});

test('empty pages are normal, but not without end', () => {
  const guard = new LoopGuard();
  for (let n = 0; n < 200; n += 1) guard.pass(page([]));
  expect(() => guard.pass(page([]))).toThrow(ListLoops);
});
