/**
 * Takes secrets and event contents out of what is about to be logged: by the name of a key, and by the look of a
 * text. A net below careful callers; it holds for whatever a library puts into an error.
 */
const hidden = '[redacted]';

/** Compared without case and separators, so that `refreshToken`, `refresh_token` and `Refresh-Token` are one. */
const secretKeys =
  /token|secret|password|passphrase|authorization|cookie|credential|apikey|adminkey|signingkeys|encryptionkeys|clientstate|datakey|privatekey|signature|ciphertext/;
/** Names of event fields whose values are the user's own words. */
const contentKeys = new Set([
  'summary',
  'description',
  'location',
  'title',
  'attendees',
  'organizer',
  'creator',
  'meetingurl',
  'hangoutlink',
  'conferencedata',
  'raw',
  'body',
  'email',
  'displayname',
  'before',
  'after',
  'patch',
  'snapshot',
]);

const secretTexts: readonly [RegExp, string][] = [
  // Google access and refresh tokens: https://developers.google.com/identity/protocols/oauth2#size
  [/ya29\.[\w.~+/=-]+/g, hidden],
  [/\b1\/\/[\w.-]+/g, hidden],
  [/GOCSPX-[\w-]+/g, hidden],
  [/\b(bearer|basic)\s+[\w.~+/=:-]+/gi, `$1 ${hidden}`],
  // Our own: channel tokens, and the sandbox's grants.
  [/\bv1\.[\w-]{1,16}\.[\w.-]{20,}/g, hidden],
  [/\bdemo-(?:refresh|access)-[\w.-]+/g, hidden],
  // Keys of the API keep their public id.
  [/\b(cf_[0-9a-f]{16})_[\w-]{20,}/g, `$1_${hidden}`],
  // Any JWT.
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, hidden],
  // Forms and JSON that hold a credential, quoted inside a message.
  [
    /\b((?:access|refresh|id)_token|client_secret|code_verifier|password|assertion)(["']?\s*[=:]\s*["']?)[^\s"'&,}]+/gi,
    `$1$2${hidden}`,
  ],
  // User and password of a connection string.
  [/(:\/\/)[^\s/@]*@/g, `$1${hidden}@`],
];

const longestText = 4000;
const deepest = 6;
const mostItems = 50;

export function redactText(text: string): string {
  let safe = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  for (const [pattern, replacement] of secretTexts) safe = safe.replace(pattern, replacement);
  return safe;
}

/** A copy that is safe to log: plain values only, bounded in depth, length and count. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? undefined : value;
  if (depth >= deepest) return '[deeper]';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Error) return redactError(value, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => redact(item, depth + 1));
  return redactObject(value as Record<string, unknown>, depth);
}

function redactObject(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
    safe[key] = secretKeys.test(plain) || contentKeys.has(plain) ? hide(inner) : redact(inner, depth + 1);
  }
  return safe;
}

/** That there was nothing, or how many of them, is worth knowing and gives nothing away. */
function hide(value: unknown): unknown {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number') {
    return value;
  }
  return hidden;
}

/** Only what every error has, and what ours add: HTTP clients hang requests with headers on theirs. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  const { code, status, context } = error as Error & { code?: unknown; status?: unknown; context?: unknown };
  const safe: Record<string, unknown> = { name: error.name, message: redactText(error.message) };
  if (typeof code === 'string' || typeof code === 'number') safe['code'] = redact(code);
  if (typeof status === 'number') safe['status'] = status;
  if (typeof context === 'object' && context !== null) safe['context'] = redact(context, depth + 1);
  if (error.stack !== undefined) safe['stack'] = redactText(error.stack);
  if (error.cause !== undefined) safe['cause'] = redact(error.cause, depth + 1);
  return safe;
}
