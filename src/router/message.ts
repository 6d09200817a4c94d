// A message of READINGS on its way through a router. A DPU may send in one message one reading or a
// thousand: it is cut into items, which are what work is measured by, and may be consumed a slice at a time.
import type { StoredEntry } from '../domain/log-entry.ts';
import type { PayloadItem, ReadPayload } from '../adapters/payload.ts';
import { itemSpans } from './raw-items.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Some consecutive items of a message, `[from, to)`. */
export interface Slice {
  readonly message: Message;
  readonly from: number;
  readonly to: number;
}

/** A message that is not JSON is one item without a value. The items of a payload are what the device's adapter reads in it. */
type Body =
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'json'; readonly isArray: boolean; readonly items: readonly unknown[] }
  | { readonly kind: 'payload'; readonly items: readonly PayloadItem[] };

export class Message {
  readonly entry: StoredEntry;
  /** Items before this one are consumed. */
  consumed: number;
  /** The latest timestamp that a reading in it may have, once that is known. */
  latestMs: number | undefined;
  /** Its dead letters are stored. */
  hasLetters = false;
  readonly #readPayload: ReadPayload;
  #body: Body | undefined;
  #spans: Uint32Array | undefined;

  /** @param readPayload for messages in a format of the device's own */
  constructor(entry: StoredEntry, consumed = 0, readPayload: ReadPayload = () => undefined) {
    this.entry = entry;
    this.consumed = consumed;
    this.#readPayload = readPayload;
  }

  /** The number of items. A message that is not JSON is one item, and so is a tick. */
  get length(): number {
    const body = this.#parse();
    return body.kind === 'unreadable' ? 1 : body.items.length;
  }

  /** True for a message that an adapter reads. */
  get isPayload(): boolean {
    return this.#parse().kind === 'payload';
  }

  /** An item of a payload; undefined for any other message. */
  payloadItem(index: number): PayloadItem | undefined {
    const body = this.#parse();
    return body.kind === 'payload' ? body.items[index] : undefined;
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
    return body.kind === 'json' ? { value: body.items[index] } : undefined;
  }

  /** Where an item's bytes are in the message. An item of a payload has no bytes of its own: it is the whole. */
  span(index: number): [from: number, to: number] {
    const { data } = this.entry;
    const body = this.#parse();
    if (body.kind !== 'json' || !body.isArray) return [0, data.length];
    this.#spans ??= itemSpans(data, body.items.length);
    return [this.#spans[2 * index] ?? 0, this.#spans[2 * index + 1] ?? data.length];
  }

  /** Frees the parsed items: they take more memory than the bytes, and this message has to wait. */
  compact(): void {
    this.#body = this.#spans = undefined;
  }

  #parse(): Body {
    if (this.#body) return this.#body;
    const items = this.#readPayload(this.entry);
    return (this.#body = items ? { kind: 'payload', items } : parse(this.entry.data));
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
      ? { kind: 'json', isArray: true, items: value }
      : { kind: 'json', isArray: false, items: [value] };
  } catch {
    return { kind: 'unreadable' };
  }
}
