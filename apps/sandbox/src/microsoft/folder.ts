/** A calendar as its owner has it; other mailboxes may show it too, under other ids. */
import type { Mailbox } from './mailbox.ts';

export interface Folder {
  readonly id: string;
  readonly owner: Mailbox;
  name: string;
}
