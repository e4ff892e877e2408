import { startSandbox } from '../sandbox.ts';
import { manyEvents } from '../seed/many.ts';
import { Visitor } from './visitor.ts';

it('pages 100,000 events of one calendar, and a delta of 10,000 of them', async () => {
  const sandbox = await startSandbox();
  try {
    const account = sandbox.google.createAccount({ email: 'ada@example.test' });
    const calendar = account.createCalendar({ primary: true });
    const planted = calendar.insertMany(
      manyEvents({ events: 100_000, seed: 1, now: new Date('2026-11-20') }),
    );
    const visitor = new Visitor(sandbox, account.accessToken());
    const { items, pages, syncToken = '' } = await visitor.round('primary', { maxResults: 2500 });
    expect(pages).toHaveLength(40);
    expect(items.map(({ id }) => id)).toEqual(planted);
    const touched = planted.filter((_, i) => i % 10 === 0);
    for (const id of touched) calendar.patch(id, { summary: 'touched' });
    const delta = await visitor.round('primary', { maxResults: 2500, syncToken });
    expect(delta.pages).toHaveLength(4);
    expect(delta.items.map(({ id }) => id)).toEqual(touched);
  } finally {
    await sandbox.close();
  }
});
