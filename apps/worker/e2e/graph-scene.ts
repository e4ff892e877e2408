/** What the named cases of Graph's dialect share: how they plant events, let time pass, and ask what came of it. */
import { createTestDatabase } from '@calfleet/testkit';
import type { CalendarId } from '@calfleet/domain';
import type { MailboxOwner, MicrosoftEventBody } from '@calfleet/sandbox';
import { mailbox, openGraphDialect, type GraphCalendars } from './graph-dialect.ts';
import { expectExactGraph } from './graph-truth.ts';
import { ModelWorld } from './model-world.ts';

export const minuteMs = 60_000;
export const dayMs = 86_400_000;
export const berlin = 'W. Europe Standard Time';
const today = Date.parse('2026-11-10T00:00:00Z');

/** `YYYY-MM-DD`, so many days from the day on which every case begins, a Tuesday. */
export const day = (offset: number): string => new Date(today + offset * dayMs).toISOString().slice(0, 10);

const time = (offset: number, hour: string, timeZone = berlin) => ({
  dateTime: `${day(offset)}T${hour}:00`,
  timeZone,
});

/** From ten to eleven in Berlin. */
export const meeting = (
  subject: string,
  offset: number,
  more: MicrosoftEventBody = {},
): MicrosoftEventBody => ({ subject, start: time(offset, '10:00'), end: time(offset, '11:00'), ...more });

/** Every week on the weekday of its first day, without an end. */
export const weekly = (
  subject: string,
  offset: number,
  more: MicrosoftEventBody = {},
): MicrosoftEventBody => ({
  ...meeting(subject, offset),
  recurrence: {
    pattern: { type: 'weekly', interval: 1, daysOfWeek: [weekdayOf(offset)] },
    range: { type: 'noEnd', startDate: day(offset), recurrenceTimeZone: berlin },
  },
  ...more,
});

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
export const weekdayOf = (offset: number): string =>
  weekdays[new Date(today + offset * dayMs).getUTCDay()] ?? '';

export interface Said {
  kind: string;
  summary: string | null;
}

/** An item of a raw list of changes. */
export type RawItem = Record<string, unknown> & { id: string };

/** Answers after which a job waits in the queue again. */
const troubles = ['provider_unavailable', 'rate_limited', 'cursor_expired'];

export class GraphScene {
  private constructor(
    readonly world: ModelWorld<GraphCalendars>,
    private readonly end: () => Promise<void>,
  ) {}

  static async open(): Promise<GraphScene> {
    const database = await createTestDatabase();
    const dialect = await openGraphDialect();
    const world = await ModelWorld.open(database.url, dialect);
    return new GraphScene(world, async () => {
      await world.close();
      dialect.close();
      await database.drop();
    });
  }

  close(): Promise<void> {
    return this.end();
  }

  get calendar(): GraphCalendars['calendar'] {
    return this.world.owner.calendar;
  }

  get mailbox(): MailboxOwner {
    return this.world.sandbox.microsoft.mailbox(mailbox);
  }

  /** Runs what waits, until nothing does or something fails. @returns the answers, in order */
  async work(): Promise<string[]> {
    const answers: string[] = [];
    while (this.world.jobs.length > 0) {
      if (answers.length > 200) throw new Error('The queue never comes to rest.');
      const answer = await this.world.runJob();
      answers.push(answer);
      if (troubles.includes(answer)) break;
    }
    return answers;
  }

  /** Time passes, the ticks plan, the workers work. */
  async pass(minutes: number): Promise<string[]> {
    this.world.clock.advance(minutes * minuteMs);
    await this.world.tick();
    return this.work();
  }

  /** The first mirror, behind its subscription. */
  async mirror(): Promise<void> {
    expect(await this.work()).toEqual(['watched', 'pulled']);
  }

  /** Requests by operation, while `act` lasts. */
  async asked(act: () => Promise<unknown>): Promise<Record<string, number>> {
    const before: Record<string, number> = this.world.sandbox.usage.report().byOperation;
    await act();
    const after = Object.entries(this.world.sandbox.usage.report().byOperation);
    return Object.fromEntries(
      after.flatMap(([name, count]) =>
        count > (before[name] ?? 0) ? [[name, count - (before[name] ?? 0)]] : [],
      ),
    );
  }

  /** The whole mirror against Outlook. */
  expectExact(): Promise<void> {
    return expectExactGraph({ ...this.world, calendar: this.calendar });
  }

  /** Titles of what takes place, by start. */
  async shown(): Promise<string[]> {
    const rows = await this.rows<{ summary: string }>(
      `select e.summary from calendar_occurrences o join calendar_events e on e.id = o.event_id
        where o.calendar_id = $1::uuid order by o.starts_at, o.slot`,
    );
    return rows.map((row) => row.summary);
  }

  /** The feed as far as it speaks of events; since the last `forget`. */
  async feed(): Promise<string[]> {
    const rows = await this.rows<Said>(
      `select c.kind, e.summary from calendar_changes c join calendar_events e on e.id = c.event_id
        where c.calendar_id = $1::uuid order by c.xid, c.seq`,
    );
    return rows.slice(this.heard).map(({ kind, summary }) => `${kind} ${summary ?? ''}`);
  }

  private heard = 0;

  /** What the feed says from here on. */
  async listen(): Promise<void> {
    this.heard = 0;
    this.heard = (await this.feed()).length;
  }

  /** Rounds, by mode and outcome, oldest first. */
  async rounds(): Promise<string[]> {
    const rows = await this.rows<{ line: string }>(
      `select mode || ' ' || outcome as line from calendar_sync_runs where calendar_id = $1::uuid
        order by finished_at, id`,
    );
    return rows.map((row) => row.line);
  }

  /** `$1` is the mirrored calendar. */
  rows<Row>(statement: string, calendarId: CalendarId = this.world.calendarId): Promise<Row[]> {
    return this.world.db.transaction({ role: 'worker' }, (tx) =>
      tx.$queryRawUnsafe<Row[]>(statement, calendarId),
    );
  }

  /** What Graph itself lists: a whole round from a link, or from the first question over 2026-11 and 2026-12. */
  async raw(link?: string): Promise<{ items: RawItem[]; deltaLink: string }> {
    const span = 'startDateTime=2026-11-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z';
    const root = `${this.world.sandbox.microsoftRootUrl}/me/calendars/${this.calendar.id}`;
    let next = link ?? `${root}/calendarView/delta?${span}`;
    const items: RawItem[] = [];
    for (let pages = 0; pages < 50; pages += 1) {
      const answer = await fetch(next, {
        headers: { authorization: `Bearer ${this.mailbox.accessToken()}`, prefer: 'IdType="ImmutableId"' },
      });
      const page = (await answer.json()) as Record<string, string> & { value: RawItem[] };
      items.push(...page.value);
      const deltaLink = page['@odata.deltaLink'];
      if (deltaLink !== undefined) return { items, deltaLink };
      next = page['@odata.nextLink'] ?? '';
    }
    throw new Error('The raw list has no end.');
  }
}
