/** What an operator can say about keys. */
import { UsageError } from './usage-error.ts';

export type KeysCommand =
  | { name: 'keys list' | 'keys rotate' | 'keys status' }
  | {
      name: 'keys create';
      scope: 'app' | 'admin';
      label: string | null;
      /** From its making; null: until it is revoked. */
      expiresMs: number | null;
    }
  | { name: 'keys revoke'; id: string };

interface Given {
  scope?: string;
  name?: string;
  expires?: string;
}

/** @throws UsageError */
export function readKeys(
  [act = '', ...more]: readonly string[],
  given: Given,
  only: (...options: ('scope' | 'name' | 'expires')[]) => void,
): KeysCommand {
  if (act === 'revoke') {
    only();
    return { name: 'keys revoke', id: readId(more) };
  }
  if (more.length > 0) throw new UsageError(`"${more.join(' ')}" is too much after keys ${act}.`);
  if (act === 'list' || act === 'rotate' || act === 'status') {
    only();
    return { name: `keys ${act}` };
  }
  if (act !== 'create')
    throw new UsageError('keys wants one of create, list, revoke <id>, rotate and status.');
  only('scope', 'name', 'expires');
  const { scope } = given;
  if (scope !== 'app' && scope !== 'admin')
    throw new UsageError('keys create needs --scope app or --scope admin.');
  return { name: 'keys create', scope, label: readLabel(given.name), expiresMs: readExpiry(given.expires) };
}

function readId([id = '', ...more]: readonly string[]): string {
  if (more.length > 0 || !/^[0-9a-f]{16}$/.test(id)) {
    // Whoever pastes a whole key by mistake must not find it in the history of a terminal's output as well.
    throw new UsageError('revoke wants one key id as "keys list" shows it.');
  }
  return id;
}

function readLabel(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.trim() === '' || text.length > 100 || /\p{Cc}/u.test(text)) {
    throw new UsageError('--name wants 1 to 100 characters on one line.');
  }
  return text.trim();
}

const hourMs = 3_600_000;
const daysMax = 3_650;

function readExpiry(text: string | undefined): number | null {
  if (text === undefined) return null;
  const [, digits = '0', unit] = /^(\d{1,6})([dh])$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === 'd' ? 24 * hourMs : hourMs);
  if (ms < hourMs || ms > daysMax * 24 * hourMs) {
    throw new UsageError(`--expires wants a time like 90d or 12h, at most ${daysMax}d, not "${text}".`);
  }
  return ms;
}
