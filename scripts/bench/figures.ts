/** A row of the table: what was measured, beside what nothing could beat on this machine in this run. */

export interface Figure {
  what: string;
  ours: number;
  unit: string;
  /** Measured in the same run; null where there is no floor. */
  floor: number | null;
  /** How near we come to the floor: 1 is the floor itself, less is slower (or more). */
  ratio: number | null;
  /** null: nobody asked for a figure. */
  aim: { text: string; met: boolean } | null;
  /** What the floor is, and what the figure is made of. */
  note: string;
}

export interface Machine {
  cores: number;
  cpu: string;
  node: string;
  postgres: string;
  redis: string;
  durability: string;
  loadAtStart: number;
  loadAtEnd: number;
  quick: boolean;
  at: string;
}

export function table(figures: readonly Figure[]): string {
  const head = ['what', 'ours', 'floor', 'ratio', 'aim', ''];
  const body = figures.map((figure) => [
    figure.what,
    `${shown(figure.ours)} ${figure.unit}`,
    figure.floor === null ? '–' : `${shown(figure.floor)} ${figure.unit}`,
    figure.ratio === null ? '–' : figure.ratio.toFixed(2),
    figure.aim?.text ?? '–',
    figure.aim === null ? '' : figure.aim.met ? 'met' : 'MISSED',
  ]);
  const rows = [head, ...body];
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

export const notes = (figures: readonly Figure[]): string =>
  figures.map(({ what, note }) => `- ${what}: ${note}`).join('\n');

/** Three digits that mean something. */
function shown(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
