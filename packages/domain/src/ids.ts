import { v7, validate } from 'uuid';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type AccountId = Branded<string, 'AccountId'>;
export type CalendarId = Branded<string, 'CalendarId'>;
export type EventId = Branded<string, 'EventId'>;
/** One of our watches; at Google it is also the channel id. */
export type WatchId = Branded<string, 'WatchId'>;

/** A new uuidv7: sorted by creation, so that indexes on it stay compact. */
export const newId = <Id extends string = string>(): Id => v7() as Id;

/** Whether a text could be one of our ids. */
export const isId = (text: string): boolean => validate(text);
