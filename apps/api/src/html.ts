/** Pages of our own: no script, one style, every word escaped. */
import { createHash } from 'node:crypto';

/** A page with this style loads nothing, sends nothing, and stands in no frame. */
export function policyOfStyle(style: string): string {
  const hash = createHash('sha256').update(style).digest('base64');
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

export const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
