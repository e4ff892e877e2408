import { Courtesy } from './courtesy.ts';

/** Work that ends when it is told to. */
function held() {
  let end = (): void => undefined;
  const running = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: () => running, end: () => end() };
}

/** Everything that can go on without time passing has gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('where nothing urgent goes on, pages are stored side by side', async () => {
  const courtesy = new Courtesy();
  const pages = [held(), held()];
  const begun: number[] = [];
  const done = pages.map((page, n) =>
    courtesy.politely(() => {
      begun.push(n);
      return page.work();
    }),
  );
  await settled();
  expect(begun).toEqual([0, 1]);
  for (const page of pages) page.end();
  await Promise.all(done);
});

test('beside urgent work a page waits for a moment of quiet, and the next one for the page', async () => {
  const courtesy = new Courtesy();
  const [urgent, first, second] = [held(), held(), held()];
  const begun: string[] = [];
  const store = (name: string, page: { work: () => Promise<void> }) =>
    courtesy.politely(() => {
      begun.push(name);
      return page.work();
    });
  const served = courtesy.urgently(urgent.work);
  const done = [store('first', first), store('second', second)];
  await settled();
  expect(begun).toEqual([]);
  urgent.end();
  await served;
  await settled();
  expect(begun).toEqual(['first']);
  first.end();
  await settled();
  expect(begun).toEqual(['first', 'second']);
  second.end();
  await Promise.all(done);
});

test('urgent work without an end holds no page up for ever, nor does a page that fails', async () => {
  const courtesy = new Courtesy();
  const urgent = held();
  const served = courtesy.urgently(urgent.work);
  await expect(courtesy.politely(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await courtesy.politely(() => Promise.resolve('stored'))).toBe('stored');
  urgent.end();
  await served;
});

test('urgent work that fails is over, too', async () => {
  const courtesy = new Courtesy();
  await expect(courtesy.urgently(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await courtesy.politely(() => Promise.resolve('stored'))).toBe('stored');
});
