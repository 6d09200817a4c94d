// Writes and reads numbers and text as bytes, for binary encodings. Integers are LEB128 varints (seven bits a byte,
// lowest first), signed ones zigzag-encoded, as in Protocol Buffers, so that small numbers and small differences take
// one byte. Safe integers only.

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
/** Below this, bit operations on a number are exact. */
const INT32 = 0x8000_0000;

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Writes a safe integer that is not negative. */
  uint(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= INT32; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** Writes any safe integer. */
  int(value: number): void {
    const isNegative = value < 0;
    const size = isNegative ? -value - 1 : value;
    if (size < INT32 / 2) {
      this.uint(2 * size + (isNegative ? 1 : 0));
      return;
    }
    // Twice a large integer would not be safe: the first byte has the sign and six bits.
    this.byte((size % 64) * 2 + (isNegative ? 1 : 0) + 0x80);
    this.uint(Math.floor(size / 64));
  }

  /** Writes UTF-8, preceded by its length in bytes. */
  text(value: string): void {
    // The lengths in characters and in bytes are equal for ASCII, which ids are.
    this.uint(value.length);
    const start = this.#length;
    this.#reserve(value.length);
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if (code >= 0x80) {
        this.#length = start - byteLengthOfUint(value.length);
        this.#wideText(value);
        return;
      }
      this.#bytes[this.#length++] = code;
    }
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The written bytes, which are valid until the writer is used again. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #wideText(value: string): void {
    const bytes = encoder.encode(value);
    this.uint(bytes.length);
    this.raw(bytes);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The offset of the next value. */
  get at(): number {
    return this.#at;
  }

  byte(): number {
    if (this.#at >= this.#end) throw new RangeError('the bytes end in the middle of a value');
    return this.#bytes[this.#at++] as number;
  }

  uint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let [value, scale] = [first & 0x7f, 0x80];
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return checked(value);
      scale *= 0x80;
      if (scale > Number.MAX_SAFE_INTEGER) throw new RangeError('an integer is too long');
    }
  }

  int(): number {
    const first = this.byte();
    const low = (first & 0x7f) >>> 1;
    const size = first < 0x80 ? low : checked(low + 64 * this.uint());
    return (first & 1) === 1 ? -size - 1 : size;
  }

  text(): string {
    const bytes = this.raw(this.uint());
    // Ids are short and ASCII, so a loop is faster than the decoder, which is optimized for long texts.
    let text = '';
    for (const byte of bytes) {
      if (byte >= 0x80) return decoder.decode(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  raw(length: number): Uint8Array {
    const start = this.#at;
    if (start + length > this.#end) throw new RangeError('the bytes end in the middle of a value');
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }
}

function checked(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer is too large');
  return value;
}

function byteLengthOfUint(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
