/** A time as a person says it, in the largest unit that tells something. */
const units: readonly { name: string; ms: number; upTo: number }[] = [
  { name: 's', ms: 1_000, upTo: 120_000 },
  { name: 'min', ms: 60_000, upTo: 120 * 60_000 },
  { name: 'h', ms: 3_600_000, upTo: 48 * 3_600_000 },
  { name: 'd', ms: 86_400_000, upTo: Infinity },
];

/** @param ms null: a dash */
export function duration(ms: number | null): string {
  if (ms === null) return '-';
  const { name, ms: one } = units.find(({ upTo }) => Math.abs(ms) < upTo) ?? { name: 's', ms: 1_000 };
  const digits = name === 's' && Math.abs(ms) < 10_000 ? 1 : 0;
  return `${(ms / one).toFixed(digits)} ${name}`;
}
