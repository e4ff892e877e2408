import { createCalfleet, orThrow } from '@calfleet/client';

const [url = 'http://127.0.0.1:4001', key = ''] = process.argv.slice(2);
const calfleet = createCalfleet({ url, key, userId: 'ada' });

async function main(): Promise<void> {
  const { items: calendars } = await orThrow(calfleet.GET('/calendars'));
  const say = (line: string) => process.stdout.write(`${line}\n`);
  for (const { name, state, coverage } of calendars) say(`${name}: ${state}, ${coverage}`);

  // Page by page; then only what changed since, for as long as the cursor is kept.
  let query: { limit: number; cursor?: string } = { limit: 100 };
  let after = 'now';
  for (;;) {
    const page = await orThrow(calfleet.GET('/events', { params: { query } }));
    for (const event of page.items) say(`  ${event.summary ?? '–'}`);
    after = page.feed_cursor;
    if (page.next_cursor === null) break;
    query = { limit: 100, cursor: page.next_cursor };
  }
  const { items: changes } = await orThrow(calfleet.GET('/changes', { params: { query: { after } } }));
  say(`${changes.length} changes since`);
}

void main();
