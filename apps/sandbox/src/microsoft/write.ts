/**
 * Create, patch and delete, with Outlook's rules of times, series and versions. The API and the calendar's owner both
 * write through here; who may do so is decided before.
 */
import { addItem, announce, recordChange, removeItem } from './commit.ts';
import { changesOf, newContent, type EventBody } from './content.ts';
import { conflict, duplicateTransaction, invalidProperty } from './errors.ts';
import { isMatch } from './etags.ts';
import type { Folder } from './folder.ts';
import { changeKeyOf, type Instance, type StoredItem } from './item.ts';
import { findInstance, headOf } from './series.ts';
import { cancelSlot, newSeries, patchedTimes, patchSlot, resettle } from './write-series.ts';
import { checkTimes, readMoment, type EventTimes } from './times.ts';
import type { MicrosoftWorld } from './world.ts';

export interface WriteOptions {
  /** The If-Match header. */
  ifMatch?: string | undefined;
  /** By the owner's hand: no invented conflicts, no touches by the server. */
  isOwner?: boolean;
  /** No notification. */
  silent?: boolean;
  /** The form of ids that an error has. */
  immutableIds?: boolean;
}

/** @throws GraphError. @returns the event that is already there when the knob says that a repetition is answered with it. */
export function createEvent(
  world: MicrosoftWorld,
  folder: Folder,
  body: EventBody,
  options: WriteOptions = {},
): StoredItem {
  const known = body.transactionId ? knownTransaction(world, folder, body.transactionId) : undefined;
  if (known !== undefined) return repeated(world, known, options);
  if (body.start === undefined) throw invalidProperty('Event.Start is required.');
  if (body.end === undefined) throw invalidProperty('Event.End is required.');
  const { zones } = world;
  const given: EventTimes = {
    start: readMoment(zones, body.start, 'Start'),
    end: readMoment(zones, body.end, 'End'),
    isAllDay: body.isAllDay ?? false,
  };
  checkTimes(zones, given);
  const content = newContent(body);
  const { times, series } = newSeries(zones, given, body.recurrence ?? null, content.originalStartTimeZone);
  const item = addItem(world, { folder, content, times, series });
  if (content.transactionId !== null) {
    world.transactions.set(transactionKey(folder, content.transactionId), item);
  }
  if (options.silent !== true) announce(world, headOf(item), 'created');
  return item;
}

/** @throws GraphError. @returns the event as it is then; an occurrence has become an exception. */
export function patchEvent(
  world: MicrosoftWorld,
  instance: Instance,
  body: EventBody,
  options: WriteOptions = {},
): Instance {
  checkCondition(world, instance, options);
  const { item, slot } = instance;
  if (slot === null) patchHead(world, item, body);
  else patchSlot(world, instance, body);
  const patched = slot === null ? headOf(item) : (findInstance(world.zones, item, slot) ?? headOf(item));
  if (options.silent !== true) announce(world, patched, 'updated');
  return patched;
}

/** A series goes with everything in it; of an occurrence its slot. @throws GraphError */
export function deleteEvent(world: MicrosoftWorld, instance: Instance, options: WriteOptions = {}): void {
  checkCondition(world, instance, options);
  if (instance.slot === null) removeItem(world, instance.item, 'deleted');
  else cancelSlot(world, instance.item, instance.slot.day);
  if (options.silent !== true) announce(world, instance, 'deleted');
}

/** A new version without a visible change: response tracking, reminders and the like. */
export function touchEvent(world: MicrosoftWorld, instance: Instance): void {
  const { item, slot } = instance;
  if (slot?.exception) slot.exception.changeKey = world.nextChangeKey();
  recordChange(world, item, slot === null ? 'whole' : { day: slot.day });
  announce(world, instance, 'updated');
}

function patchHead(world: MicrosoftWorld, item: StoredItem, body: EventBody): void {
  const changes = changesOf(body, item.content);
  const times = patchedTimes(world.zones, item.times, body);
  resettle(world.zones, item, {
    times,
    recurrence: body.recurrence,
    hasStart: body.start !== undefined,
  });
  item.content = { ...item.content, ...changes };
  recordChange(world, item, 'whole');
}

function checkCondition(world: MicrosoftWorld, instance: Instance, options: WriteOptions): void {
  const { ifMatch, isOwner } = options;
  if (ifMatch !== undefined && !isMatch(ifMatch, changeKeyOf(instance))) throw conflict();
  if (isOwner === true) return;
  const { spuriousConflictRate, spuriousConflictStatus } = world.quirks;
  if (world.whims.chance(spuriousConflictRate)) throw conflict(spuriousConflictStatus);
}

function knownTransaction(
  world: MicrosoftWorld,
  folder: Folder,
  transactionId: string,
): StoredItem | undefined {
  const found = world.transactions.get(transactionKey(folder, transactionId));
  if (found === undefined) return undefined;
  const { transactionIdTtlMs } = world.quirks;
  const isForgotten =
    transactionIdTtlMs !== null && found.createdMs + transactionIdTtlMs <= world.clock.now();
  return isForgotten ? undefined : found;
}

function repeated(world: MicrosoftWorld, known: StoredItem, { immutableIds }: WriteOptions): StoredItem {
  const { duplicateTransaction: answer, duplicateTransactionNamesEvent } = world.quirks;
  if (answer === 'existing' && known.state === 'live') return known;
  const status = answer === 'existing' ? 400 : answer;
  const id = immutableIds === true ? known.immutableId : known.id;
  throw duplicateTransaction(status, duplicateTransactionNamesEvent ? id : null);
}

/** Remembered per mailbox, over all its calendars. */
const transactionKey = (folder: Folder, transactionId: string): string =>
  `${folder.owner.oid} ${transactionId}`;
