/** Knobs of calendars, events and delta. The defaults are what is documented, and where practice differs, what is observed. */
import { z } from 'zod';

export const calendarQuirks = {
  /** Status of an invented conflict. */
  spuriousConflictStatus: z.union([z.literal(409), z.literal(412)]).default(412),
};
