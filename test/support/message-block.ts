// The records of one of nats-server's message blocks (`msgs/*.blk`), in the order in which they were written.
//
// A record is: length, with the highest bit set if there are headers (4 bytes, little-endian like every number), sequence (8), time (8),
// length of the subject (2), the subject, length of the headers (4) and the headers if there are any, the payload, checksum (8).
//
// The checksum does not cover the three lengths. A wrong total length or subject length makes it fail nevertheless, because it is then
// computed over other bytes; a wrong length of the headers does not.

const [FIXED_BYTES, CHECKSUM_BYTES] = [22, 8];
const HAS_HEADERS = 0x8000_0000;
/** In the upper half of the sequence: the record says that the message with this sequence was removed. */
const TOMBSTONE = 0x4000_0000;

interface BlockRecord {
  readonly seq: number;
  readonly isTombstone: boolean;
  /** Where the length of its headers is; undefined where it has none. */
  readonly headersLengthAt: number | undefined;
  readonly payload: readonly [start: number, end: number];
}

export function recordsIn(block: Buffer): BlockRecord[] {
  const records: BlockRecord[] = [];
  for (let at = 0; at + FIXED_BYTES < block.length;) {
    const first = block.readUInt32LE(at);
    const [length, hasHeaders] = [first % HAS_HEADERS, first >= HAS_HEADERS];
    const subjectEnd = at + FIXED_BYTES + block.readUInt16LE(at + 20);
    records.push({
      seq: block.readUIntLE(at + 4, 6),
      isTombstone: (block.readUInt32LE(at + 8) & TOMBSTONE) !== 0,
      headersLengthAt: hasHeaders ? subjectEnd : undefined,
      payload: [
        hasHeaders ? subjectEnd + 4 + block.readUInt32LE(subjectEnd) : subjectEnd,
        at + length - CHECKSUM_BYTES,
      ],
    });
    at += length;
  }
  return records;
}
