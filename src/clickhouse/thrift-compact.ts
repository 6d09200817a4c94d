// Thrift's compact protocol, in which the footer of a Parquet file is written. A struct that is read and written again has the same
// bytes, including fields that this code does not know.

const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12] as const;
const DOUBLE_BYTES = 8;
/** A list with this many items or more has its length after its first byte; ids with a greater step are written in full. */
const SHORT_MAX = 15;

/** A struct: its fields by id, in the order in which they were written. */
export type Struct = Map<number, Value>;

/** A value and its type on the wire. Integers are those of the file, whatever their width. */
export type Value =
  | { readonly type: typeof TRUE | typeof FALSE }
  | { readonly type: typeof BYTE | typeof DOUBLE | typeof BINARY; readonly bytes: Uint8Array }
  | { readonly type: typeof I16 | typeof I32 | typeof I64; readonly int: bigint }
  | { readonly type: typeof LIST; readonly of: number; readonly items: readonly Value[] }
  | { readonly type: typeof STRUCT; readonly fields: Struct }
  /** To be written only: a struct as `writeStruct` has written it. */
  | { readonly type: typeof STRUCT; readonly written: Uint8Array };

/**
 * @returns values that refer to the bytes, and so hold the whole buffer that these are part of
 * @throws Error if the bytes are not one struct with nothing after it, or have a set or a map
 */
export function readStruct(bytes: Uint8Array): Struct {
  const reader = new Reader(bytes);
  const fields = reader.struct();
  reader.expectEnd();
  return fields;
}

export function writeStruct(fields: Struct): Uint8Array {
  const writer = new Writer();
  writer.fields(fields);
  return writer.written();
}

/** @throws Error if the field is missing or of another type */
export function intOf(fields: Struct, id: number): bigint {
  const value = fields.get(id);
  if (value === undefined || !('int' in value)) throw new Error(`field ${id} is not an integer`);
  return value.int;
}

/** @throws Error likewise */
export function structsOf(fields: Struct, id: number): Struct[] {
  const value = fields.get(id);
  if (value?.type !== LIST) throw new Error(`field ${id} is not a list`);
  return value.items.map((item) => {
    if (!('fields' in item)) throw new Error(`field ${id} is not a list of structs`);
    return item.fields;
  });
}

export const i64 = (int: bigint): Value => ({ type: I64, int });
export const structs = (items: readonly Struct[]): Value => ({
  type: LIST,
  of: STRUCT,
  items: items.map((fields) => ({ type: STRUCT, fields })),
});
/** A list of structs that are written already. */
export const writtenStructs = (items: readonly Uint8Array[]): Value => ({
  type: LIST,
  of: STRUCT,
  items: items.map((written) => ({ type: STRUCT, written })),
});

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(): Struct {
    const fields: Struct = new Map();
    for (let id = 0; ;) {
      const head = this.#byte();
      if (head === 0) return fields;
      const step = head >> 4;
      id = step === 0 ? Number(this.#zigzag()) : id + step;
      fields.set(id, this.#value(head & 0x0f));
    }
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) throw new Error('there are bytes after the struct');
  }

  #value(type: number): Value {
    switch (type) {
      case TRUE:
      case FALSE:
        return { type };
      case BYTE:
        return { type, bytes: this.#take(1) };
      case I16:
      case I32:
      case I64:
        return { type, int: this.#zigzag() };
      case DOUBLE:
        return { type, bytes: this.#take(DOUBLE_BYTES) };
      case BINARY:
        return { type, bytes: this.#take(Number(this.#varint())) };
      case LIST:
        return this.#list();
      case STRUCT:
        return { type, fields: this.struct() };
      default:
        throw new Error(`unknown type ${type}`);
    }
  }

  #list(): Value {
    const head = this.#byte();
    const of = head & 0x0f;
    const size = head >> 4 < SHORT_MAX ? head >> 4 : Number(this.#varint());
    // A boolean in a list is a byte of its own.
    const items = Array.from({ length: this.#within(size) }, () =>
      this.#value(of === TRUE || of === FALSE ? BYTE : of),
    );
    return { type: LIST, of, items };
  }

  #zigzag(): bigint {
    const raw = this.#varint();
    return (raw >> 1n) ^ -(raw & 1n);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error('an integer is too long');
  }

  #byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  #take(length: number): Uint8Array {
    const start = this.#at;
    this.#at += this.#within(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Each item takes a byte at least, so no length is greater than what is left. */
  #within(length: number): number {
    if (length > this.#bytes.length - this.#at) throw new Error('the struct has no end');
    return length;
  }
}

class Writer {
  #bytes = new Uint8Array(1_024);
  #length = 0;

  written(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  fields(fields: Struct): void {
    let last = 0;
    for (const [id, value] of fields) {
      const step = id - last;
      if (step > 0 && step <= SHORT_MAX) this.#byte((step << 4) | value.type);
      else {
        this.#byte(value.type);
        this.#zigzag(BigInt(id));
      }
      this.#value(value);
      last = id;
    }
    this.#byte(0);
  }

  #value(value: Value): void {
    switch (value.type) {
      case TRUE:
      case FALSE:
        return;
      case I16:
      case I32:
      case I64:
        return this.#zigzag(value.int);
      case BINARY:
        this.#varint(BigInt(value.bytes.length));
        return this.#append(value.bytes);
      case BYTE:
      case DOUBLE:
        return this.#append(value.bytes);
      case LIST: {
        const { items, of } = value;
        this.#byte((Math.min(items.length, SHORT_MAX) << 4) | of);
        if (items.length >= SHORT_MAX) this.#varint(BigInt(items.length));
        for (const item of items) this.#value(item);
        return;
      }
      case STRUCT:
        return 'written' in value ? this.#append(value.written) : this.fields(value.fields);
    }
  }

  #zigzag(int: bigint): void {
    this.#varint((int << 1n) ^ (int >> 63n));
  }

  #varint(value: bigint): void {
    let rest = value;
    for (; rest >= 0x80n; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  #byte(byte: number): void {
    this.#append([byte]);
  }

  #append(bytes: ArrayLike<number>): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const longer = new Uint8Array(2 * length);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }
}
