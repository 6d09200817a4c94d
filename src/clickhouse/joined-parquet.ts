// Joins Parquet files with the same columns into one file, as they arrive. Row groups are passed on unchanged, and the offsets in the
// footers are moved to match. Of each file, only the description of its row groups is kept, about 1 KB.
import {
  i64,
  intOf,
  readStruct,
  structs,
  structsOf,
  writeStruct,
  writtenStructs,
  type Struct,
} from './thrift-compact.ts';

/** Every Parquet file begins and ends with it. */
export const MAGIC = 'PAR1';
const MAGIC_BYTES = Buffer.from(MAGIC);
/** At the end of a file: the length of the footer, and MAGIC. */
const TAIL_BYTES = 8;

// Ids of fields, from parquet.thrift.
const FILE = { rows: 3, groups: 4 } as const;
const GROUP = { columns: 1, fileOffset: 5, ordinal: 7 } as const;
const CHUNK = { fileOffset: 2, meta: 3 } as const;
/** The page index of a chunk, which has offsets of its own; it is optional, and left out. */
const PAGE_INDEX = [4, 5, 6, 7] as const;
/** Of the first data page, index page, dictionary page, and the bloom filter of a chunk. */
const META_OFFSETS = [9, 10, 11, 14] as const;

/**
 * @param files complete files, at least one
 * @throws Error if one is not complete, or has other columns than the first
 */
export async function* joinedParquet(files: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first: { readonly footer: Struct; readonly columns: string } | undefined;
  let rows = 0n;
  // As bytes, because parsed they take forty times as much.
  const groups: Uint8Array[] = [];
  let at = MAGIC_BYTES.length;
  for await (const file of files) {
    const { body, footer } = partsOf(file);
    // Not earlier: until the first file is there, a caller can still answer that it cannot be made.
    if (!first) yield MAGIC_BYTES;
    first ??= { footer, columns: columnsOf(footer) };
    if (columnsOf(footer) !== first.columns) throw new Error('the Parquet files have different columns');
    const shift = BigInt(at - MAGIC_BYTES.length);
    groups.push(...structsOf(footer, FILE.groups).map((group) => writeStruct(movedGroup(group, shift))));
    rows += intOf(footer, FILE.rows);
    if (body.length > 0) yield body;
    at += body.length;
  }
  if (!first) throw new Error('there is no Parquet file to join');
  const footer = writeStruct(new Map(first.footer).set(FILE.rows, i64(rows)).set(FILE.groups, writtenStructs(groups)));
  const length = Buffer.alloc(TAIL_BYTES - MAGIC_BYTES.length);
  length.writeUInt32LE(footer.length);
  yield Buffer.concat([footer, length, MAGIC_BYTES]);
}

function partsOf(file: Uint8Array): { body: Uint8Array; footer: Struct } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const isWhole =
    bytes.length >= MAGIC_BYTES.length + TAIL_BYTES &&
    [bytes.subarray(0, MAGIC_BYTES.length), bytes.subarray(-MAGIC_BYTES.length)].every((end) =>
      end.equals(MAGIC_BYTES),
    );
  if (!isWhole) throw new Error('a Parquet file is not complete');
  const end = bytes.length - TAIL_BYTES;
  const start = end - bytes.readUInt32LE(end);
  if (start < MAGIC_BYTES.length) throw new Error('a Parquet file has a footer that is longer than the file');
  // A copy, because what is kept of the footer would hold the whole file.
  const footer = readStruct(new Uint8Array(bytes.subarray(start, end)));
  return { body: bytes.subarray(MAGIC_BYTES.length, start), footer };
}

/** Everything in a footer but its rows. */
function columnsOf(footer: Struct): string {
  const rest = new Map(footer);
  rest.delete(FILE.rows);
  rest.delete(FILE.groups);
  return Buffer.from(writeStruct(rest)).toString('latin1');
}

function movedGroup(group: Struct, shift: bigint): Struct {
  const columns = structsOf(group, GROUP.columns).map((chunk) => movedChunk(chunk, shift));
  const moved = withOffsets(group, [GROUP.fileOffset], shift).set(GROUP.columns, structs(columns));
  // Optional, and of 16 bits.
  moved.delete(GROUP.ordinal);
  return moved;
}

function movedChunk(chunk: Struct, shift: bigint): Struct {
  const moved = withOffsets(chunk, [CHUNK.fileOffset], shift);
  for (const id of PAGE_INDEX) moved.delete(id);
  const meta = chunk.get(CHUNK.meta);
  if (!meta || !('fields' in meta)) throw new Error('a column of a Parquet file has no metadata');
  return moved.set(CHUNK.meta, { ...meta, fields: withOffsets(meta.fields, META_OFFSETS, shift) });
}

/** A copy, so that a field that is set again keeps its place in the order. */
function withOffsets(fields: Struct, ids: readonly number[], shift: bigint): Struct {
  const moved = new Map(fields);
  // 0 stands for "nowhere" in files of some versions.
  for (const id of ids)
    if (fields.has(id)) moved.set(id, i64(intOf(fields, id) === 0n ? 0n : intOf(fields, id) + shift));
  return moved;
}
