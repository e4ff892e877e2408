/** What a stranger reads before the routes, and the rooms that these lie in. */

export const introduction = `Calfleet keeps Google and Microsoft calendars in your own Postgres, both ways.

**Writing style of the surface.** JSON, UTF-8, snake_case. Instants are RFC 3339 with offset or \`Z\`; all-day bounds are
\`YYYY-MM-DD\`, and ends are exclusive. Unknown fields and parameters are a 422 that names them. Clients pass over members of
answers that they do not know.

**Lists** that have a \`next_cursor\` are read page by page: send it as \`cursor\` until it is null.

**Problems** are \`application/problem+json\`; programs go by \`code\`. Whatever is not described here (a 500 with the code \`bug\`)
is a fault of ours: its \`request_id\` finds it in the logs. What cannot be read as HTTP at all is a 400, 408 or 431.

**Writes** take an \`Idempotency-Key\`, and a retry with the same key is safe. They are shown at once and told to the provider
afterwards; \`GET /changes\` and \`GET /writes\` say how that went.

Another user's id and one that does not exist have the same answer: 404.`;

/** By the first word of a path under the prefix. */
export const tags: Record<string, string> = {
  accounts: 'Mailboxes, connected by consent or with a grant that you hold.',
  calendars: 'What is mirrored, and its switches.',
  events: 'Events, their occurrences, and what they were.',
  writes: 'What users wrote, and what became of it at the provider.',
  conflicts: 'Edits that collided, and a word about them.',
  changes: 'The feed that tells what happened, without gaps.',
  freebusy: 'When somebody has no time.',
  sync: 'Pulls: asked for, planned, and how they went.',
  quarantine: 'What could not be read.',
  export: 'All that is kept of a user.',
  admin: 'For operators.',
  webhooks: 'Where providers notify us (apps/ingress).',
  process: 'For supervisors and readers; no key is needed.',
};

const rooms: Record<string, string> = { oauth: 'accounts' };

export function tagOf(path: string): string {
  const word =
    /^\/integrations\/calendar\/(\w+)/.exec(path)?.[1] ?? (path.startsWith('/admin/') ? 'admin' : 'process');
  const tag = rooms[word] ?? word;
  if (!(tag in tags)) throw new Error(`Nobody says what ${tag} is about.`);
  return tag;
}
