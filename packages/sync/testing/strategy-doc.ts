/** docs/CONFLICTS.md, made of the very outcomes that strategies.integration.test.ts compares. */
import { columns, strategyCases, type Outcome, type StrategyCase } from './strategy-cases.ts';

export const conflictsDoc = (): string => `${introduction}\n${table(rows())}`;

const introduction = `# When both sides change an event

<!-- Generated from packages/sync/testing/strategy-cases.ts by "npm run generate"; strategies.integration.test.ts plays every row. -->

An edit through Calfleet is shown at once and told to the provider a moment later. When the calendar's owner has changed the
same event there in the meantime, the two are merged field by field against what the edit was made upon: title, place,
description, recurrence, visibility, transparency and status each for itself, start and end together, guests one by one. What
only one side touched stands on both sides. What both touched, differently, is a **conflict**, and so is an edit of what the
other side deleted. The \`conflict_strategy\` of the calendar, or without one of its user, says whose value stands:

- \`provider_wins\`, \`local_wins\`: that side's, always.
- \`newest_wins\` (the default): who changed it last, by the provider's own "last changed" and the time of the edit here. A
  deletion there counts as the last change. A provider that does not say when leaves the edit standing.
- \`manual\`: nobody's yet. The provider's value is shown, the write waits in state \`conflict\`, and
  \`POST /conflicts/{id}/resolve\` takes \`local\`, \`provider\` or \`merge\` with an event of your own. While it is open,
  \`GET /conflicts/{id}\` follows what the provider has. It ends by itself when both sides come to want the same.

Whoever keeps changing an event faster than it can be written is given way to after three rounds: whatever the strategy, the
conflict is then open. The tick \`conflict-resolution\` (every 30 minutes) ends open conflicts by the strategy of that
time: the write leaves again, upon what is there by then, or it is discarded. An edit made here since is never undone by it,
and under \`manual\` it leaves them alone.

**Nothing is lost.** Both values stand in the conflict, and in \`GET /events/{id}/history\`: a \`local\` or \`provider\` revision
says what changed, a \`resolution\` names a value that did not stand, before the arrow, and the one that did. An edit of yours
that did not stand comes back by \`POST /events/{id}/restore\` of its revision.

The table says what stands on both sides when all is quiet. The event is "Planning" at 10:00; "there" means at the provider.
`;

/** Strategies with one outcome share a line. */
function rows(): string[][] {
  return strategyCases.flatMap((played) =>
    grouped(played).map(({ names, outcome }, nth) => [
      nth === 0 ? described(played) : '',
      names.length === columns.length ? 'any' : names.map(code).join('<br>'),
      outcome.stands,
      `\`${outcome.write}\``,
      outcome.conflict,
      outcome.history.join('<br>'),
    ]),
  );
}

const described = ({ title, here, there }: StrategyCase): string =>
  `**${title}**<br>here: ${here}<br>there: ${there}`;

const code = (name: string): string => name.replace(/^\w+/, (strategy) => `\`${strategy}\``);

function grouped({ outcomes }: StrategyCase): { names: string[]; outcome: Outcome }[] {
  const groups = new Map<string, { names: string[]; outcome: Outcome }>();
  for (const name of columns) {
    const outcome = outcomes[name];
    const key = JSON.stringify(outcome);
    const group = groups.get(key) ?? { names: [], outcome };
    groups.set(key, { ...group, names: [...group.names, name] });
  }
  return [...groups.values()];
}

const heads = ['What was done', 'Strategy', 'Both sides show', 'Write', 'Conflict', 'History'];

/** As prettier lays it out: columns as wide as their widest cell. */
function table(lines: readonly string[][]): string {
  const widths = heads.map((head, n) =>
    Math.max(head.length, ...lines.map((cells) => cells[n]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |\n`;
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...lines.map(line)].join('');
}
