/**
 * Graph's list of changes can go round in circles: the same items under ever new links, for ever.
 * https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/3082
 */
import { createHash } from 'node:crypto';
import { SyncError, type ChangesPage, type RemoteItem } from '@calfleet/domain';

/** A page may be repeated by chance, or by a retry behind the provider's door; not three times. */
const repeatsMax = 3;
/** Empty pages are normal, and a whole row of them is, too. */
const emptyMax = 200;

/** Pages hold 200 items: more than this no calendar has, and a loop may show new versions each time. */
const pagesMax = 2_000;

/** The round is read otherwise; where there is no other way left, the provider has a bad day. */
export class ListLoops extends SyncError {
  constructor(readonly pages: number) {
    super('provider_unavailable', `The list repeats itself after ${pages} pages.`, { context: { pages } });
    this.name = 'ListLoops';
  }
}

/** Watches the pages of one round. */
export class LoopGuard {
  readonly #seen = new Map<string, number>();
  #pages = 0;
  #empty = 0;

  /** @throws ListLoops */
  pass(page: ChangesPage): void {
    this.#pages += 1;
    if (page.nextPageCursor === null) return;
    if (this.#pages > pagesMax) throw new ListLoops(this.#pages);
    this.#empty = page.items.length === 0 ? this.#empty + 1 : 0;
    if (this.#empty > emptyMax) throw new ListLoops(this.#pages);
    if (page.items.length === 0) return;
    const print = printOf(page.items);
    const times = (this.#seen.get(print) ?? 0) + 1;
    this.#seen.set(print, times);
    if (times >= repeatsMax) throw new ListLoops(this.#pages);
  }
}

/** Equal for pages that show the same items in the same versions, in any order. */
const printOf = (items: readonly RemoteItem[]): string =>
  createHash('sha256').update(items.map(nameOf).sort().join('\n')).digest('base64');

function nameOf(item: RemoteItem): string {
  switch (item.type) {
    case 'event':
      return `${item.event.providerEventId} ${item.event.providerVersion}`;
    case 'deleted':
      return `${item.providerEventId} ${item.providerVersion}`;
    case 'instance':
      return `${item.providerEventId} ${JSON.stringify([item.start, item.end])}`;
    case 'absent':
      return `${item.providerEventId} absent`;
    case 'unreadable':
      return item.raw;
  }
}
