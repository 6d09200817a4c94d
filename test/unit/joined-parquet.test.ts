// Parquet files joined to one: the offsets of each are where its row groups are now. That real files can be read afterwards is in
// test/integration/exports.test.ts.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { joinedParquet } from '../../src/clickhouse/joined-parquet.ts';
import {
  i64,
  intOf,
  readStruct,
  structs,
  structsOf,
  writeStruct,
  type Struct,
} from '../../src/clickhouse/thrift-compact.ts';

const [ROWS, GROUPS, COLUMNS, META, DATA_PAGE, BLOOM_FILTER, COLUMN_INDEX] = [3, 4, 1, 3, 9, 14, 6];

/** A file of one row group, whose only column has its data in front of the footer. */
function file(data: string, { rows = 1n, schema = 'a' } = {}): Buffer {
  const meta: Struct = new Map([
    [1, i64(2n)],
    [3, { type: 8, bytes: Buffer.from('start') }],
    [DATA_PAGE, i64(4n)],
    [BLOOM_FILTER, i64(5n)],
  ]);
  const chunk: Struct = new Map([
    [2, i64(0n)],
    [META, { type: 12, fields: meta }],
    [COLUMN_INDEX, i64(4n)],
  ]);
  const group: Struct = new Map([
    [COLUMNS, structs([chunk])],
    [3, i64(rows)],
    [5, i64(4n)],
    [7, i64(0n)],
  ]);
  const footer: Struct = new Map([
    [2, { type: 8, bytes: Buffer.from(schema) }],
    [ROWS, i64(rows)],
    [GROUPS, structs([group])],
  ]);
  return framed(Buffer.from(data), writeStruct(footer));
}

function framed(data: Buffer, footer: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), data, footer, length, Buffer.from('PAR1')]);
}

async function* each<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function joined(...files: readonly Buffer[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of joinedParquet(each(...files))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

it('has the row groups of all, and their offsets', async () => {
  const whole = await joined(file('first', { rows: 5n }), file('2nd', { rows: 3n }), file('third', { rows: 7n }));
  const end = whole.length - 8;
  const start = end - whole.readUInt32LE(end);
  expect(whole.subarray(0, start).toString()).toBe('PAR1first2ndthird');
  expect(whole.subarray(-4).toString()).toBe('PAR1');
  const footer = readStruct(whole.subarray(start, end));
  expect(intOf(footer, ROWS)).toBe(15n);
  const groups = structsOf(footer, GROUPS);
  expect(groups.map((group) => [intOf(group, 5), intOf(group, 3), group.has(7)])).toEqual([
    [4n, 5n, false],
    [9n, 3n, false],
    [12n, 7n, false],
  ]);
  const chunks = groups.flatMap((group) => structsOf(group, COLUMNS));
  const metas = chunks.map((chunk) => {
    const meta = chunk.get(META);
    return meta && 'fields' in meta ? [DATA_PAGE, BLOOM_FILTER].map((id) => intOf(meta.fields, id)) : meta;
  });
  expect(metas).toEqual([
    [4n, 5n],
    [9n, 10n],
    [12n, 13n],
  ]);
  expect(chunks.map((chunk) => [intOf(chunk, 2), chunk.has(COLUMN_INDEX)])).toEqual(chunks.map(() => [0n, false]));
});

it('holds no file that it has passed on', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const buffers: WeakRef<ArrayBufferLike>[] = [];
  let held: number | undefined;
  const files = async function* (): AsyncGenerator<Buffer> {
    for (let each = 0; each < 50; each++) {
      const piece = file('x'.repeat(100_000));
      buffers.push(new WeakRef(piece.buffer));
      yield piece;
    }
    // A WeakRef keeps its target alive until the current turn of the event loop has ended.
    await nextTurn();
    collectGarbage();
    held = buffers.filter((buffer) => buffer.deref() !== undefined).length;
  };
  for await (const chunk of joinedParquet(files())) expect(chunk.length).toBeGreaterThan(0);
  // The last one may be in use.
  expect(held).toBeLessThanOrEqual(1);
});

it('begins with the first file, and not before it', async () => {
  const failing = joinedParquet(
    (async function* (): AsyncGenerator<Buffer> {
      await Promise.reject(new Error('ClickHouse is unavailable'));
      yield file('never');
    })(),
  );
  await expect(failing.next()).rejects.toThrow('ClickHouse is unavailable');
});

it.each([
  ['not complete', [file('a').subarray(0, -1)]],
  ['not complete', [Buffer.from('PAR1PAR1')]],
  ['a footer that is longer than the file', [framed(Buffer.alloc(0), Buffer.alloc(0)).fill(0xff, 4, 8)]],
  ['different columns', [file('a'), file('b', { schema: 'b' })]],
  ['no Parquet file', []],
])('refuses files that cannot be joined: %s', async (why, files) => {
  await expect(joined(...files)).rejects.toThrow(why);
});
