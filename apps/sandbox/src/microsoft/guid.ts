/** Ids as Microsoft writes them: random, version 4, lower case. */
import type { Random } from '../random.ts';

const HEX = '0123456789abcdef';

export function guid(random: Random): string {
  const word = (length: number): string => random.word(length, HEX);
  return `${word(8)}-${word(4)}-4${word(3)}-${random.word(1, '89ab')}${word(3)}-${word(12)}`;
}
