/**
 * Event ids. The normal id is derived from the folder and is another one after each move; the immutable id stays.
 * An occurrence has no row of its own: its id is that of its series with the day of its slot, and another one after
 * the series' pattern changed. Ids are case-sensitive base64 with `-`, `_` and `=`, as at Graph.
 */
import { hash32 } from '../random.ts';

/** What an id says. */
export interface EventRef {
  key: number;
  isImmutable: boolean;
  /** Of a normal id: how often the item has been moved. */
  moves: number;
  /** Of an occurrence or exception: day number since 1970 of its slot, and the generation of the slots. */
  slot: { day: number; generation: number } | null;
}

/** First bytes of real ids: `AAMkA…` and `AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A…`. */
const NORMAL = Buffer.from('0003240001', 'hex');
const IMMUTABLE = Buffer.from('0009002e00000000001d840311aa6611cd9bc800aa002f845a0d00', 'hex');
const PADDING = Buffer.alloc(24, 0x2b);
const SLOT_MARK = 0x07;

export interface ItemIdentity {
  key: number;
  /** Of the folder it lies in. */
  folderId: string;
  moves: number;
}

export function normalId(item: ItemIdentity, slot: EventRef['slot'] = null): string {
  const tag = Buffer.alloc(4);
  tag.writeUInt32BE(hash32(item.folderId));
  return encode(Buffer.concat([NORMAL, tag, PADDING, numbers(item.key, item.moves), slotBytes(slot)]));
}

export function immutableId(item: Pick<ItemIdentity, 'key'>, slot: EventRef['slot'] = null): string {
  return encode(Buffer.concat([IMMUTABLE, numbers(item.key, 0), slotBytes(slot)]));
}

/** @returns undefined for anything that is not written exactly as an id of ours. */
export function parseEventId(id: string): EventRef | undefined {
  const bytes = Buffer.from(id, 'base64url');
  // Buffer forgives `+`, missing padding and much else; Exchange does not.
  if (encode(bytes) !== id) return undefined;
  const isImmutable = bytes.subarray(0, IMMUTABLE.length).equals(IMMUTABLE);
  if (!isImmutable && !bytes.subarray(0, NORMAL.length).equals(NORMAL)) return undefined;
  const at = isImmutable ? IMMUTABLE.length : NORMAL.length + 4 + PADDING.length;
  const rest = bytes.subarray(at);
  if (rest.length !== 8 && rest.length !== 15) return undefined;
  const slot = rest.length === 8 ? null : { generation: rest.readUInt16BE(9), day: rest.readInt32BE(11) };
  if (slot !== null && rest[8] !== SLOT_MARK) return undefined;
  return { key: rest.readUIntBE(0, 6), isImmutable, moves: rest.readUInt16BE(6), slot };
}

function numbers(key: number, moves: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(key, 0, 6);
  bytes.writeUInt16BE(moves, 6);
  return bytes;
}

function slotBytes(slot: EventRef['slot']): Buffer {
  if (slot === null) return Buffer.alloc(0);
  const bytes = Buffer.alloc(7);
  bytes.writeUInt8(SLOT_MARK, 0);
  bytes.writeUInt16BE(slot.generation, 1);
  bytes.writeInt32BE(slot.day, 3);
  return bytes;
}

const encode = (bytes: Buffer): string => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
