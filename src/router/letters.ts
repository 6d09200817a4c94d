// The dead letters of a message: one for each reason, whatever the number of its bad items. A message of 1 MB may have
// 500,000 of them, and a letter each would stop its partition for minutes.
//
// They are those of the whole message, however it is sliced: so they are the same for every router that writes them,
// and storing them again changes nothing.
import type { RejectReason } from '../domain/reading.ts';
import type { DeadLetter } from '../ports.ts';
import { forEachItem } from './intake.ts';
import type { Message } from './message.ts';

/** A message of NATS has at most 1 MB, and a letter has headers beside its bytes. */
const RAW_BYTES_MAX = 1_000_000;
const [OPEN, COMMA, CLOSE] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')];

interface BadItems {
  readonly first: number;
  readonly detail: string;
  items: number;
  readonly raw: Uint8Array[];
  bytes: number;
  isCut: boolean;
}

/** @param skewMs how far ahead of its arrival a reading's timestamp may be */
export function lettersOf(message: Message, skewMs: number): DeadLetter[] {
  const found = new Map<RejectReason, BadItems>();
  forEachItem(message, 0, message.length, skewMs, (taken, index) => {
    if ('rejection' in taken) add(found, message, index, taken.rejection);
  });
  const { subject, seq: readingsSeq } = message.entry;
  return [...found].map(([reason, { first: index, detail, items, raw, isCut }]) => (
    { reason, detail, subject, readingsSeq, index, items, isCut, raw: items === 1 ? raw[0] ?? message.entry.data : inArray(raw) }));
}

function add(found: Map<RejectReason, BadItems>, message: Message, index: number, { reason, detail }: { reason: RejectReason; detail: string }): void {
  let bad = found.get(reason);
  if (!bad) found.set(reason, bad = { first: index, detail, items: 0, raw: [], bytes: 0, isCut: false });
  bad.items += 1;
  const raw = message.raw(index);
  const room = RAW_BYTES_MAX - bad.bytes;
  if (bad.isCut || raw.length >= room) {
    // Of a single item its beginning; of several those that have room.
    if (bad.items === 1) bad.raw.push(raw.subarray(0, room));
    bad.isCut = true;
    return;
  }
  bad.raw.push(raw);
  bad.bytes += raw.length + COMMA.length;
}

function inArray(items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([OPEN, ...items.flatMap((item, n) => (n === 0 ? [item] : [COMMA, item])), CLOSE]);
}
