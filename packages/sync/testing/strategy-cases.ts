/** What becomes of an event that both sides changed, for every strategy: played by a test, and shown by docs/CONFLICTS.md. */
import type { Attendee, ConflictStrategy, EventTime } from '@calfleet/domain';
import type { Scene } from './strategy-scene.ts';

/** `newest_wins` asks who was last; for the others it makes no difference. */
export const columns = [
  'provider_wins',
  'local_wins',
  'newest_wins, changed here last',
  'newest_wins, changed there last',
  'manual',
] as const;
export type Column = (typeof columns)[number];

export const strategyOf = (column: Column): ConflictStrategy => column.split(',')[0] as ConflictStrategy;

/** As texts, so that the table shows what the test compares. */
export interface Outcome {
  /** What both sides show when all is quiet. */
  stands: string;
  /** The state of the write. */
  write: string;
  /** Status, whose side, and fields; none: nobody had to choose. */
  conflict: string;
  /** The event's revisions, oldest first: whose, and before → after. A resolution names the value that did not stand. */
  history: string[];
}

export interface StrategyCase {
  title: string;
  here: string;
  there: string;
  /** What the calendar holds before. */
  before: (scene: Scene) => void;
  play: (scene: Scene) => Promise<void>;
  outcomes: Record<Column, Outcome>;
}

export const at = (hour: number): { start: EventTime; end: EventTime } => ({
  start: { kind: 'zoned', instant: `2026-11-21T${hour}:00:00Z`, zone: 'UTC' },
  end: { kind: 'zoned', instant: `2026-11-21T${hour + 1}:00:00Z`, zone: 'UTC' },
});

const guest = (name: string, response: Attendee['response'] = 'needs_action'): Attendee => ({
  email: `${name}@guests.test`,
  name: null,
  response,
  optional: false,
  organizer: false,
  self: false,
  resource: false,
});

/** The same for every strategy. */
const always = (outcome: Outcome): Record<Column, Outcome> =>
  Object.fromEntries(columns.map((column) => [column, outcome])) as Record<Column, Outcome>;

/** Who stands, by strategy. `there` also where the deletion is what was done last. */
const by = (
  outcomes: { here: Outcome; there: Outcome; open: Outcome },
  isDeletedThere = false,
): Record<Column, Outcome> => ({
  provider_wins: outcomes.there,
  local_wins: outcomes.here,
  'newest_wins, changed here last': isDeletedThere ? outcomes.there : outcomes.here,
  'newest_wins, changed there last': outcomes.there,
  manual: outcomes.open,
});

const none = { write: 'applied', conflict: 'none' };
const won = (fields: string) => ({ write: 'applied', conflict: `resolved for local: ${fields}` });
const lost = (fields: string) => ({ write: 'discarded', conflict: `resolved for provider: ${fields}` });
const open = (fields: string) => ({ write: 'conflict', conflict: `open: ${fields}` });

const titled = 'local: summary "Planning" → "here"';
const moved = 'local: start 10:00 → 14:00';
const removed = 'local: "Planning" → deleted';
const uninvited = 'local: attendees ada and bob → bob';

export const strategyCases: StrategyCase[] = [
  {
    title: 'edit / edit, the same field',
    here: 'title becomes "here"',
    there: 'title becomes "there"',
    before: (scene) => scene.put(),
    play: async (scene) => {
      scene.changeThere({ summary: 'there' });
      await scene.change({ summary: 'here' });
    },
    outcomes: by({
      here: {
        stands: '"here"',
        ...won('summary'),
        history: [titled, 'resolution: summary "there" → "here"'],
      },
      there: {
        stands: '"there"',
        ...lost('summary'),
        history: [titled, 'resolution: summary "here" → "there"', 'provider: summary "here" → "there"'],
      },
      open: {
        stands: '"there"',
        ...open('summary'),
        history: [titled, 'provider: summary "here" → "there"'],
      },
    }),
  },
  {
    title: 'edit / edit, other fields',
    here: 'title becomes "here"',
    there: 'place becomes "Room 9"',
    before: (scene) => scene.put(),
    play: async (scene) => {
      scene.changeThere({ location: 'Room 9' });
      await scene.change({ summary: 'here' });
    },
    outcomes: always({
      stands: '"here", in Room 9',
      ...none,
      history: [titled, 'provider: location none → "Room 9"'],
    }),
  },
  {
    title: 'edit / delete',
    here: 'title becomes "here"',
    there: 'deleted',
    before: (scene) => scene.put(),
    play: async (scene) => {
      scene.removeThere();
      await scene.change({ summary: 'here' });
    },
    outcomes: by(
      {
        here: { stands: '"here"', ...won('deleted'), history: [titled, 'resolution: deleted → "here"'] },
        there: {
          stands: 'nothing',
          ...lost('deleted'),
          history: [titled, 'resolution: "here" → deleted', 'provider: "here" → deleted'],
        },
        open: { stands: 'nothing', ...open('deleted'), history: [titled, 'provider: "here" → deleted'] },
      },
      true,
    ),
  },
  {
    title: 'delete / edit',
    here: 'deleted',
    there: 'title becomes "there"',
    before: (scene) => scene.put(),
    play: async (scene) => {
      scene.changeThere({ summary: 'there' });
      await scene.remove();
    },
    outcomes: by({
      here: { stands: 'nothing', ...won('deleted'), history: [removed, 'resolution: "there" → deleted'] },
      there: {
        stands: '"there"',
        ...lost('deleted'),
        history: [removed, 'resolution: deleted → "there"', 'provider: deleted → "there"'],
      },
      open: { stands: '"there"', ...open('deleted'), history: [removed, 'provider: deleted → "there"'] },
    }),
  },
  {
    title: 'move / edit',
    here: 'moved to 14:00',
    there: 'title becomes "there"',
    before: (scene) => scene.put(),
    play: async (scene) => {
      scene.changeThere({ summary: 'there' });
      await scene.change(at(14));
    },
    outcomes: always({
      stands: '"there", at 14:00',
      ...none,
      history: [moved, 'provider: summary "Planning" → "there"'],
    }),
  },
  {
    title: 'move / move',
    here: 'moved to 14:00',
    there: 'moved to 16:00',
    before: (scene) => scene.put(),
    play: async (scene) => {
      scene.changeThere(at(16));
      await scene.change(at(14));
    },
    outcomes: by({
      here: {
        stands: '"Planning", at 14:00',
        ...won('time'),
        history: [moved, 'resolution: time 16:00 → 14:00'],
      },
      there: {
        stands: '"Planning", at 16:00',
        ...lost('time'),
        history: [moved, 'resolution: time 14:00 → 16:00', 'provider: start 14:00 → 16:00'],
      },
      open: {
        stands: '"Planning", at 16:00',
        ...open('time'),
        history: [moved, 'provider: start 14:00 → 16:00'],
      },
    }),
  },
  {
    title: 'series / one occurrence',
    here: 'title of the series becomes "here"',
    there: 'title of its second day becomes "there"',
    before: (scene) => scene.putSeries(),
    play: async (scene) => {
      scene.changeDayThere({ summary: 'there' });
      await scene.change({ summary: 'here' });
    },
    outcomes: always({ stands: '"here"; its second day "there"', ...none, history: [titled] }),
  },
  {
    title: 'one occurrence / series',
    here: 'title of the second day becomes "here"',
    there: 'title of the series becomes "there"',
    before: (scene) => scene.putSeries(),
    play: async (scene) => {
      scene.changeThere({ summary: 'there' });
      await scene.changeDay({ summary: 'here' });
    },
    outcomes: always({
      stands: '"there"; its second day "here"',
      ...none,
      history: ['provider: summary "Planning" → "there"', titled],
    }),
  },
  {
    title: 'edit / answer of a guest',
    here: 'title becomes "here", and Bob is invited, too',
    there: 'Ada accepts',
    before: (scene) => scene.put({ attendees: [guest('ada')] }),
    play: async (scene) => {
      scene.changeThere({ attendees: [guest('ada', 'accepted')] });
      await scene.change({ summary: 'here', attendees: [guest('ada'), guest('bob')] });
    },
    outcomes: always({
      stands: '"here", with ada (accepted) and bob',
      ...none,
      history: [
        'local: summary "Planning" → "here", attendees ada → ada and bob',
        'provider: attendees ada and bob → ada (accepted) and bob',
      ],
    }),
  },
  {
    title: 'removal / answer of a guest',
    here: 'Ada is not invited any more',
    there: 'Ada accepts',
    before: (scene) => scene.put({ attendees: [guest('ada'), guest('bob')] }),
    play: async (scene) => {
      scene.changeThere({ attendees: [guest('ada', 'accepted'), guest('bob')] });
      await scene.change({ attendees: [guest('bob')] });
    },
    outcomes: by({
      here: {
        stands: '"Planning", with bob',
        ...won('attendees.ada'),
        history: [uninvited, 'resolution: attendees.ada accepted → none'],
      },
      there: {
        stands: '"Planning", with ada (accepted) and bob',
        ...lost('attendees.ada'),
        history: [
          uninvited,
          'resolution: attendees.ada none → accepted',
          'provider: attendees bob → ada (accepted) and bob',
        ],
      },
      open: {
        stands: '"Planning", with ada (accepted) and bob',
        ...open('attendees.ada'),
        history: [uninvited, 'provider: attendees bob → ada (accepted) and bob'],
      },
    }),
  },
];
