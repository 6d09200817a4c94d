// The dead letters of a message: one for each reason, however many bad items it has. A message of 1 MB may have
// 500,000 bad items, and a letter for each would stop its partition for minutes.
//
// They cover the whole message, however it is sliced, so every router that writes them writes the same ones, and
// storing them again changes nothing.
import { digestOfArrival, type ArrivedReading } from '../adapters/digest.ts';
import { readingBodyOf } from '../adapters/reading-body.ts';
import type { RejectReason } from '../domain/reading.ts';
import type { DeadLetter, PayloadArrival } from '../ports/dead-letters.ts';
import { forEachItem, type AcceptedTimes } from './intake.ts';
import type { Message } from './message.ts';

/** A NATS message has at most 1 MB, and the headers of the letter count too. */
const RAW_BYTES_MAX = 1_000_000;
/**
 * An MQTT topic may have 64 KB and contain line breaks. It becomes a header of the letter, and has to fit into the
 * message together with the payload.
 */
const TEXT_MAX = 1_000;
const [OPEN, COMMA, CLOSE] = ['[', ',', ']'].map((character) => character.charCodeAt(0)) as [number, number, number];

export function lettersOf(message: Message, times: AcceptedTimes): DeadLetter[] {
  const found = new Map<RejectReason, BadItems>();
  const arrived: ArrivedReading[] = [];
  forEachItem(message, 0, message.length, times, (taken, index) => {
    const item = message.payloadItem(index);
    if (item && 'adapted' in item)
      arrived.push({
        value: readingBodyOf(item.adapted),
        reason: 'rejection' in taken ? taken.rejection.reason : null,
      });
    if (!('rejection' in taken)) return;
    const { reason, detail } = taken.rejection;
    let bad = found.get(reason);
    if (!bad) found.set(reason, (bad = new BadItems(message, index, detail)));
    bad.add(index);
  });
  const { subject, seq: readingsSeq, timeMs: arrivedMs } = message.entry;
  const arrival = message.isPayload ? { arrival: arrivalOf(message, arrived, times) } : {};
  return [...found].map(([reason, { first: index, detail, items, isCut, raw }]) => ({
    reason,
    detail: headerText(detail),
    subject: headerText(subject),
    readingsSeq,
    arrivedMs,
    index,
    items,
    isCut,
    raw,
    ...arrival,
  }));
}

function arrivalOf(message: Message, readings: readonly ArrivedReading[], times: AcceptedTimes): PayloadArrival {
  return {
    earliestMs: times.earliestMs,
    latestMs: (message.latestMs ??= times.latestOf(message.entry)),
    accepted: readings.filter(({ reason }) => reason === null).length,
    digest: digestOfArrival(readings),
  };
}

function headerText(text: string): string {
  return text.slice(0, TEXT_MAX).replace(/\p{Cc}/gu, '?');
}

/** Copied into one buffer, because half a million small arrays would take half a second. */
class BadItems {
  readonly first: number;
  readonly detail: string;
  items = 0;
  isCut = false;
  readonly #message: Message;
  readonly #array: Buffer;
  #length = 0;

  constructor(message: Message, first: number, detail: string) {
    this.#message = message;
    this.first = first;
    this.detail = detail;
    // Each item is followed by a comma, except the last one.
    this.#array = Buffer.allocUnsafe(Math.min(RAW_BYTES_MAX, message.entry.data.length + 2));
    this.#array[this.#length++] = OPEN;
  }

  add(index: number): void {
    this.items += 1;
    // The payload is raw as a whole. It is read again by its subject, too.
    if (this.#message.isPayload) {
      const { data, subject } = this.#message.entry;
      this.isCut = data.length > RAW_BYTES_MAX || subject.length > TEXT_MAX;
      return;
    }
    const [from, to] = this.#message.span(index);
    // Leave room for the closing bracket.
    if (this.isCut || this.#length + to - from + 1 > this.#array.length) {
      this.isCut = true;
      return;
    }
    const { data } = this.#message.entry;
    for (let at = from; at < to; at++) this.#array[this.#length++] = data[at] as number;
    this.#array[this.#length++] = COMMA;
  }

  get raw(): Uint8Array {
    const { data } = this.#message.entry;
    const [from, to] = this.#message.span(this.first);
    const isOne = this.items === 1 || this.#length === 1;
    if (isOne) return data.subarray(from, Math.min(to, from + RAW_BYTES_MAX));
    this.#array[this.#length - 1] = CLOSE;
    return this.#array.subarray(0, this.#length);
  }
}
