/**
 * Keeps book of what both sides said, so that nothing is lost unnoticed. Every value that somebody sets is a word that
 * nobody else says; the last word of a side about a field of an event stands until that side says another one there.
 */

export type Speaker = 'local' | 'provider';

interface Word {
  text: string;
  speaker: Speaker;
  /** Our id of the event, or its provider's: each speaker has its own. */
  event: string;
  /** Of an occurrence: its series, as the speaker calls it. */
  series: string | null;
  field: string;
}

/** What is left in the end, as texts to find words in. */
export interface Kept {
  /** What the provider shows; the mirror is known to be the same. */
  shown: string;
  /** Values of conflicts. */
  conflicts: string;
  /** Values of revisions. */
  revisions: string;
  /** Wishes that rest with a reason: parked, in conflict, discarded. */
  resting: string;
}

export class Ledger {
  /** Wishes that were accepted here. */
  wishes = 0;
  /** Writes of ours that changed something at the provider. */
  writes = 0;
  private count = 0;
  private readonly forgiven = new Set<string>();
  private readonly standing = new Map<string, Word>();
  /** Local words that the provider held at some time. */
  private readonly reached = new Set<string>();
  /** Words that a write of ours took away from the provider. */
  private readonly wiped = new Set<string>();

  /** A number that no other word has. */
  next(): number {
    this.count += 1;
    return this.count;
  }

  say(word: Word): void {
    this.standing.set(`${word.speaker} ${word.event} ${word.field}`, word);
  }

  /** A speaker is done with an event: deleted. */
  end(speaker: Speaker, isMeant: (word: Pick<Word, 'event' | 'series'>) => boolean): void {
    for (const [key, word] of this.standing)
      if (word.speaker === speaker && isMeant(word)) this.standing.delete(key);
  }

  /** Of a series that was deleted here go all occurrences, also one that is changed there before the deletion arrives. */
  forgive(series: string): void {
    this.forgiven.add(series);
  }

  /** A write of ours changed what the provider shows. */
  wrote(before: string, after: string): void {
    this.writes += 1;
    for (const { text } of this.standing.values()) {
      if (after.includes(text)) this.reached.add(text);
      else if (before.includes(text)) this.wiped.add(text);
    }
  }

  /** Standing words that one side shows and the other does not. */
  differing(here: string, there: string): string[] {
    return [...this.standing.values()].flatMap(({ text }) =>
      here.includes(text) === there.includes(text) ? [] : [text],
    );
  }

  /** Standing words that are neither shown nor kept with a reason. */
  lost(kept: Kept): string[] {
    return [...this.standing.values()]
      .filter(({ series }) => series === null || !this.forgiven.has(series))
      .filter(({ text }) => !kept.shown.includes(text) && !kept.conflicts.includes(text))
      .filter(({ text, speaker }) =>
        speaker === 'provider' ? !kept.revisions.includes(text) : !this.isLocalKept(text, kept),
      )
      .map(({ text, speaker, event }) => `${text} (${speaker}, ${event})`);
  }

  /** What the provider held and its owner changed was seen by whoever changed it. */
  private isLocalKept(text: string, { resting }: Kept): boolean {
    return resting.includes(text) || (this.reached.has(text) && !this.wiped.has(text));
  }
}
