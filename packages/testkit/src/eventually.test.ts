import { eventually } from './eventually.ts';

test('returns what the check returned once it held', async () => {
  let calls = 0;
  const check = () => {
    calls += 1;
    if (calls < 3) throw new Error('not yet');
    return calls;
  };
  await expect(eventually(check, { everyMs: 1 })).resolves.toBe(3);
});

test('false is not yet, other empty values are answers', async () => {
  const answers = [false, false, 0] as const;
  let at = 0;
  await expect(eventually(() => answers[at++] ?? false, { everyMs: 1 })).resolves.toBe(0);
});

test('fails with the last failure itself and names what was awaited', async () => {
  let calls = 0;
  const last = await eventually(
    () => {
      calls += 1;
      throw new TypeError(`failure ${calls}`);
    },
    { timeoutMs: 30, everyMs: 5, describe: 'the mirror' },
  ).catch((error: unknown) => error);
  expect(last).toBeInstanceOf(TypeError);
  expect((last as Error).message).toBe(`the mirror, after 30 ms: failure ${calls}`);
});
