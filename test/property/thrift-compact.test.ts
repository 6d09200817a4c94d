// The footers of Parquet files: whatever is in one, it is written as it was read.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  intOf,
  readStruct,
  structsOf,
  writeStruct,
  type Struct,
  type Value,
} from '../../src/clickhouse/thrift-compact.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const int = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const { struct } = fc.letrec<{ struct: Struct; value: Value }>((tie) => ({
  struct: fc
    .dictionary(
      fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 32_767 })).map(String),
      tie('value'),
      {
        maxKeys: 6,
      },
    )
    .map((fields) => new Map(Object.entries(fields).map(([id, value]) => [Number(id), value]))),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Value[]>({ type: 1 }, { type: 2 }),
    bytes(1).map((one): Value => ({ type: 3, bytes: one })),
    bytes(8).map((eight): Value => ({ type: 7, bytes: eight })),
    fc.uint8Array({ maxLength: 300 }).map((binary): Value => ({ type: 8, bytes: binary })),
    fc.record({ type: fc.constantFrom<(4 | 5 | 6)[]>(4, 5, 6), int }),
    fc.array(int, { maxLength: 40 }).map((items): Value =>
      list(
        6,
        items.map((each) => ({ type: 6, int: each })),
      ),
    ),
    fc.array(bytes(1), { maxLength: 20 }).map((items): Value =>
      list(
        2,
        items.map((each) => ({ type: 3, bytes: each })),
      ),
    ),
    fc.array(tie('struct'), { maxLength: 20 }).map((items): Value =>
      list(
        12,
        items.map((fields) => ({ type: 12, fields })),
      ),
    ),
    tie('struct').map((fields): Value => ({ type: 12, fields })),
  ),
}));
const list = (of: number, items: readonly Value[]): Value => ({ type: 9, of, items });

it('a struct is read as it was written, and written with the same bytes', () => {
  fc.assert(
    fc.property(struct, (fields) => {
      const written = writeStruct(fields);
      const read = readStruct(written);
      expect(read).toEqual(fields);
      expect([...read.keys()]).toEqual([...fields.keys()]);
      expect(Buffer.from(writeStruct(read)).equals(written)).toBe(true);
    }),
  );
});

it('what Thrift writes for fields with short and long steps, integers of all signs, and a list', () => {
  // {1: i32 -1, 17: i64 300, 2: list<i32> [1, 2]}, by hand, from the specification of the protocol.
  const written = Uint8Array.from([0x15, 0x01, 0x06, 0x22, 0xd8, 0x04, 0x09, 0x04, 0x25, 0x02, 0x04, 0x00]);
  const read = readStruct(written);
  expect([intOf(read, 1), intOf(read, 17)]).toEqual([-1n, 300n]);
  expect(read.get(2)).toEqual(
    list(
      5,
      [1n, 2n].map((each) => ({ type: 5, int: each })),
    ),
  );
  expect(Array.from(writeStruct(read))).toEqual(Array.from(written));
});

it('bytes that are no struct are refused, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
      try {
        readStruct(any);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
  for (const [wrong, why] of [
    [[0x15], 'has no end'],
    [[0x15, 0x01, 0x00, 0x00], 'bytes after'],
    [[0x1b, 0x00, 0x00], 'unknown type 11'],
    [[0x19, 0xfc, 0xff, 0xff, 0xff, 0x7f, 0x00], 'has no end'],
    [[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'too long'],
  ] as const)
    expect(() => readStruct(Uint8Array.from(wrong))).toThrow(why);
  expect(() => intOf(new Map(), 1)).toThrow('field 1 is not an integer');
  expect(() => structsOf(new Map([[4, { type: 1 }]]), 4)).toThrow('field 4 is not a list');
});
