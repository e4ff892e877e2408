/** docs/SECURITY.md names, for each check of the list, tests that are really there. */
import { existsSync, readFileSync } from 'node:fs';

/** Channel tokens are signatures, contents are not asked for, and nothing is sent to addresses of users. */
const notAsked = [1, 2, 4, 33, 34, 35, 36, 37];
const checks = Array.from({ length: 43 }, (_, index) => index + 1).filter((n) => !notAsked.includes(n));

const rows = [...readFileSync('docs/SECURITY.md', 'utf8').matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)].map(
  ([, number, asked = '', shownBy = '']) => ({ number: Number(number), asked, shownBy }),
);

test('each check has its row, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(checks);
});

const named = rows.flatMap(({ number, shownBy }) =>
  shownBy.split('; `').map((part, index) => {
    const [, file = '', titles = ''] = /^`?([^`]+)` (“.+”)$/.exec(part) ?? [];
    return {
      number,
      file: file || `unreadable: ${index} ${part}`,
      titles: titles.slice(1, -1).split('”, “'),
    };
  }),
);

test.each(named.map(({ number, file, titles }) => [number, file, titles] as const))(
  'check %i is shown by tests of %s',
  (_number, file, titles) => {
    expect([file, existsSync(file)]).toEqual([file, true]);
    const text = readFileSync(file, 'utf8');
    const lines = text.split('\n').map((line) => line.trim());
    const isThere = (title: string): boolean =>
      ["'", '"', '`'].some(
        (quote) => text.includes(`(${quote}${title}${quote}`) || lines.includes(`${quote}${title}${quote},`),
      );
    expect(titles.filter((title) => title === '' || !isThere(title))).toEqual([]);
  },
);

test('the tests that docs/THREATS.md names are there', () => {
  const files = [...readFileSync('docs/THREATS.md', 'utf8').matchAll(/`([^`]+\.test\.ts)`/g)].map(
    ([, file = '']) => file,
  );
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});
