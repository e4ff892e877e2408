/** All knobs of the Microsoft side: those of Graph's calendars, and those of login, throttling and notifications. */
import { z } from 'zod';
import { calendarQuirks } from './calendar-quirks.ts';
import { channelQuirks } from './channel-quirks.ts';

export const quirksSchema = z.strictObject({ ...calendarQuirks, ...channelQuirks });

export type MicrosoftQuirks = z.infer<typeof quirksSchema>;

/** Any subset; what is left out keeps its value. */
export type MicrosoftQuirkChanges = Partial<z.input<typeof quirksSchema>>;

export const documentedQuirks = (): MicrosoftQuirks => quirksSchema.parse({});

export function changeQuirks(current: MicrosoftQuirks, changes: MicrosoftQuirkChanges): MicrosoftQuirks {
  return quirksSchema.parse({ ...current, ...changes });
}
