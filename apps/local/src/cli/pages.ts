/** All rows of a keyset-paged list. */
const limit = 1_000;

export async function everyPage<Row extends { id: unknown }>(
  read: (after: Row['id'] | null, limit: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const page = await read(rows.at(-1)?.id ?? null, limit);
    rows.push(...page);
    if (page.length < limit) return rows;
  }
}
