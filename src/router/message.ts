// A message of READINGS on its way through a router. A DPU may send in one message one reading or a
// thousand: it is cut into items, which are what work is measured by, and may be consumed a slice at a time.
import type { StoredEntry } from '../domain/log-entry.ts';
import { itemSpans } from './raw-items.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Some consecutive items of a message, `[from, to)`. */
export interface Slice {
  readonly message: Message;
  readonly from: number;
  readonly to: number;
}

/** A message that is not JSON is one item without a value. */
type Body =
  { readonly isJson: false } | { readonly isJson: true; readonly isArray: boolean; readonly items: readonly unknown[] };

export class Message {
  readonly entry: StoredEntry;
  /** Items before this one are consumed. */
  consumed: number;
  /** The latest timestamp that a reading in it may have, once that is known. */
  latestMs: number | undefined;
  /** Its dead letters are stored. */
  hasLetters = false;
  #body: Body | undefined;
  #spans: Uint32Array | undefined;

  constructor(entry: StoredEntry, consumed = 0) {
    this.entry = entry;
    this.consumed = consumed;
  }

  /** The number of items. A message that is not JSON is one item, and so is a tick. */
  get length(): number {
    const body = this.#parse();
    return body.isJson ? body.items.length : 1;
  }

  /** Items that are not consumed. */
  get work(): number {
    return Math.max(0, this.length - this.consumed);
  }

  /** Takes the next items, at most so many. */
  take(itemsMax: number): Slice {
    const slice = { message: this, from: this.consumed, to: Math.min(this.length, this.consumed + itemsMax) };
    this.consumed = slice.to;
    return slice;
  }

  /** The value of an item; undefined when the message is not JSON. */
  item(index: number): { readonly value: unknown } | undefined {
    const body = this.#parse();
    return body.isJson ? { value: body.items[index] } : undefined;
  }

  /** Where an item's bytes are in the message. */
  span(index: number): [from: number, to: number] {
    const { data } = this.entry;
    const body = this.#parse();
    if (!body.isJson || !body.isArray) return [0, data.length];
    this.#spans ??= itemSpans(data, body.items.length);
    return [this.#spans[2 * index] ?? 0, this.#spans[2 * index + 1] ?? data.length];
  }

  /** Frees the parsed items: they take more memory than the bytes, and this message has to wait. */
  compact(): void {
    this.#body = this.#spans = undefined;
  }

  #parse(): Body {
    return (this.#body ??= parse(this.entry.data));
  }
}

/** Firmware in C may send the NUL at the end of its string, too. */
function withoutNul(data: Uint8Array): Uint8Array {
  let end = data.length;
  while (end > 0 && data[end - 1] === 0) end--;
  return end === data.length ? data : data.subarray(0, end);
}

function parse(data: Uint8Array): Body {
  try {
    const value = JSON.parse(decoder.decode(withoutNul(data))) as unknown;
    return Array.isArray(value)
      ? { isJson: true, isArray: true, items: value }
      : { isJson: true, isArray: false, items: [value] };
  } catch {
    return { isJson: false };
  }
}
