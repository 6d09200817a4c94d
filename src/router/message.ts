// A message of READINGS on its way through a router. It may hold one reading or thousands, so it is split into items.
// Items are the unit in which work is measured, and a message can be consumed in slices.
import type { StoredEntry } from '../domain/log-entry.ts';
import type { PayloadItem, ReadPayload } from '../adapters/payload.ts';
import { parseInstant } from '../domain/instant.ts';
import { MS_TEXT } from '../domain/parse-reading.ts';
import { itemSpans } from './raw-items.ts';

/** In a message of more than this many bytes, the first timestamp is looked for before all of it is parsed. */
const PEEKED_BYTES = 512;
const TIMESTAMP = /"timestamp"\s*:\s*"([^"]{1,40})"/;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Some consecutive items of a message, `[from, to)`. */
export interface Slice {
  readonly message: Message;
  readonly from: number;
  readonly to: number;
}

/**
 * A message that is not JSON is one item without a value. The items of a device-specific payload are what its adapter
 * reads in it.
 */
type Body =
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'json'; readonly isArray: boolean; readonly items: readonly unknown[] }
  | { readonly kind: 'payload'; readonly items: readonly PayloadItem[] };

export class Message {
  /** A copy takes its place when the message has to wait. */
  entry: StoredEntry;
  /** The number of items that are consumed. */
  consumed: number;
  /** The latest accepted timestamp of its readings, once it is known. */
  latestMs: number | undefined;
  /** True when its dead letters are stored. */
  hasLetters = false;
  readonly #readPayload: ReadPayload;
  #body: Body | undefined;
  #spans: Uint32Array | undefined;

  /**
   * @param readPayload reads messages in device-specific formats
   */
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

  /** An item of a device-specific payload; undefined for other messages. */
  payloadItem(index: number): PayloadItem | undefined {
    const body = this.#parse();
    return body.kind === 'payload' ? body.items[index] : undefined;
  }

  /** The number of items that are not consumed yet. */
  get work(): number {
    return Math.max(0, this.length - this.consumed);
  }

  /** When its first reading happened; undefined if it does not say. For choosing what to consume first, and not exact. */
  get firstMs(): number | undefined {
    const { data } = this.entry;
    if (!this.#body && data.length > PEEKED_BYTES) {
      const beginning = Buffer.from(data.buffer, data.byteOffset, PEEKED_BYTES).toString('latin1');
      const peeked = parseInstant(TIMESTAMP.exec(beginning)?.[1] ?? '');
      if (peeked !== undefined) return peeked;
    }
    return firstInstantIn(this.#parse());
  }

  /** Consumes the next items. */
  take(itemsMax: number): Slice {
    const slice = { message: this, from: this.consumed, to: Math.min(this.length, this.consumed + itemsMax) };
    this.consumed = slice.to;
    return slice;
  }

  /** The value of an item; undefined if the message is not JSON. */
  item(index: number): { readonly value: unknown } | undefined {
    const body = this.#parse();
    return body.kind === 'json' ? { value: body.items[index] } : undefined;
  }

  /** The bytes of an item within the message. An item of a device-specific payload has the whole message. */
  span(index: number): [from: number, to: number] {
    const { data } = this.entry;
    const body = this.#parse();
    if (body.kind !== 'json' || !body.isArray) return [0, data.length];
    this.#spans ??= itemSpans(data, body.items.length);
    return [this.#spans[2 * index] ?? 0, this.#spans[2 * index + 1] ?? data.length];
  }

  /**
   * Frees the parsed items of a message that has to wait, because they take more memory than its bytes; and what was
   * received along with it, of which its bytes are a part.
   */
  compact(): void {
    this.#body = this.#spans = undefined;
    const { data } = this.entry;
    if (data.length < data.buffer.byteLength) this.entry = { ...this.entry, data: new Uint8Array(data) };
  }

  #parse(): Body {
    if (this.#body) return this.#body;
    const items = this.#readPayload(this.entry);
    return (this.#body = items ? { kind: 'payload', items } : parse(this.entry.data));
  }
}

function firstInstantIn(body: Body): number | undefined {
  if (body.kind === 'unreadable') return undefined;
  if (body.kind === 'payload') {
    const [first] = body.items;
    return first && 'adapted' in first ? (first.adapted.reading.timestampMs ?? undefined) : undefined;
  }
  const timestamp = (body.items[0] as { readonly timestamp?: unknown } | null | undefined)?.timestamp;
  if (typeof timestamp === 'string') return MS_TEXT.test(timestamp) ? Number(timestamp) : parseInstant(timestamp);
  return typeof timestamp === 'number' ? timestamp : undefined;
}

/** Firmware written in C may include the terminating NUL of the string. */
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
