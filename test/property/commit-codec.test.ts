// The bytes of a commit: a written commit is read back, and anything else is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommitHeader, PartitionSection, Sections } from '../../src/domain/commit.ts';
import {
  commitOf,
  configBytesMax,
  decodeCommit,
  encodeCommit,
  eventBytesMax,
  UnknownCommitVersion,
} from '../../src/domain/commit-codec.ts';
import { ByteReader, ByteWriter } from '../../src/domain/bytes.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { readingIdOf } from '../../src/domain/reading.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { commitHeader } from '../support/commit-header.ts';
import { intervalMeasure, personMeasure, revisionMeasure, standingMeasure } from '../../src/domain/measure.ts';

const natural = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const instant = fc.integer({ min: -1, max: 253_402_300_799_999 });
const sign = fc.constantFrom(1 as const, -1 as const);

const header: fc.Arbitrary<CommitHeader> = fc.record({
  router: fc.nat({ max: 4_096 }).map((k) => k as Partition),
  epoch: natural,
  commitId: fc.string(),
  previousSeq: natural,
  readingsSeq: natural,
  previousReadingsSeq: natural,
  waiting: fc.array(
    fc
      .record({ subject: fc.option(id), seqs: fc.tuple(natural, natural), index: natural })
      .map(({ subject, seqs: [a, b], index }) => ({
        ...{ subject, index },
        ...{ fromSeq: Math.min(a, b), toSeq: Math.max(a, b) },
      })),
    { maxLength: 9 },
  ),
  isMove: fc.boolean(),
  topologySeq: natural,
  readingsMark: fc.option(fc.record({ timeMs: instant, digest: fc.nat({ max: 0xffff_ffff }) })),
  topologyDigest: fc.option(fc.nat({ max: 0xffff_ffff })),
  reattribution: fc.option(
    fc.record({
      toSeq: natural,
      after: fc.record({ dpuId: id.map((text) => text as DpuId), timestampMs: instant, readingId: id }),
    }),
  ),
  clockMs: instant,
  counters: fc.record({
    received: natural,
    fresh: natural,
    held: natural,
    excluded: natural,
    deleted: natural,
    duplicate: natural,
    dead: natural,
  }),
});

const people = fc.nat({ max: 0xffff_ffff });
const measured = fc.oneof(
  fc.tuple(sign, fc.boolean()).map(([direction, isEgress]) => {
    const isInto = direction > 0 !== isEgress;
    return { measure: personMeasure(direction), entrances: isInto ? 1 : 0, exits: isInto ? 0 : 1, isEgress };
  }),
  fc.record({
    measure: fc.oneof(
      fc
        .tuple(fc.record({ entrances: people, exits: people }), fc.option(instant))
        .map(([passed, start]) => intervalMeasure(passed, start)),
      fc
        .record({ entrances: fc.nat(9), exits: fc.nat(9), startMs: fc.nat(9), revision: fc.maxSafeNat() })
        .map(revisionMeasure),
      fc
        .record({ totalEntrances: people, totalExits: people, counterEpoch: fc.option(id) })
        .map((standing) => standingMeasure(standing)),
    ),
    entrances: people,
    exits: people,
    isEgress: fc.boolean(),
  }),
);

const event: fc.Arbitrary<SpaceEvent> = fc
  .tuple(
    measured,
    fc.record(
      {
        spaceId: fc.nat({ max: 0xffff_ffff }).map((n) => n as SpaceId),
        dpuId: fc.oneof(id, fc.constantFrom('a', 'b')).map((text) => text as DpuId),
        doorwayId: fc.nat({ max: 0xffff_ffff }).map((n) => n as DoorwayId),
        timestampMs: instant,
        sign,
        primary: fc.boolean(),
        name: id,
      },
      { requiredKeys: ['spaceId', 'dpuId', 'doorwayId', 'timestampMs', 'sign', 'primary'] },
    ),
  )
  .map(([fields, some]) => ({ ...some, ...fields }))
  .chain((some) =>
    some.name === undefined ? fc.constant(some) : fc.constantFrom(some, { ...some, hasPreviousId: true as const }),
  );

const section: fc.Arbitrary<PartitionSection> = fc.record({
  events: fc.array(event, { maxLength: 20 }),
  heartbeats: fc.array(
    fc.record({
      spaceId: fc.nat().map((n) => n as SpaceId),
      dpuId: id.map((text) => text as DpuId),
      timestampMs: instant,
    }),
    { maxLength: 3 },
  ),
  configs: fc.array(
    fc.record({
      spaceId: fc.nat().map((n) => n as SpaceId),
      timeZone: fc.constantFrom('UTC', 'Europe/Vienna'),
      dailyReset: fc.option(fc.constant('04:00')),
      dailyResetCount: people,
      dpus: fc.array(fc.record({ dpuId: id.map((text) => text as DpuId), fromMs: instant, toMs: instant }), {
        maxLength: 3,
      }),
      resets: fc.array(fc.record({ timestampMs: instant, count: fc.integer({ min: 0, max: 1_000_000 }) }), {
        maxLength: 3,
      }),
    }),
    { maxLength: 2 },
  ),
  settings: fc.option(fc.constant(DEFAULT_SETTINGS), { nil: undefined }),
});

const sections: fc.Arbitrary<Sections> = fc
  .uniqueArray(
    fc.tuple(
      fc.nat({ max: 64 }).map((k) => k as Partition),
      section,
    ),
    { selector: ([k]) => k, maxLength: 5 },
  )
  .map((some) => new Map(some));

describe('bytes', () => {
  it('numbers and text are read as they were written', () => {
    const value = fc.oneof(
      natural.map((n) => ['uint', n] as const),
      fc
        .oneof(
          fc.integer(),
          fc.maxSafeInteger(),
          fc.constantFrom(2 ** 30, -(2 ** 30) - 1, 2 ** 31, 2 ** 52, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
        )
        .map((n) => ['int', n] as const),
      fc.string({ unit: 'grapheme' }).map((text) => ['text', text] as const),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const writer = new ByteWriter();
        for (const [kind, some] of values) (writer[kind] as (some: unknown) => void).call(writer, some);
        const reader = new ByteReader(writer.finish());
        expect(values.map(([kind]) => [kind, reader[kind]()])).toEqual(values);
        expect(reader.at).toBe(writer.length);
      }),
    );
  });

  it('signed numbers are zigzag-folded varints, whatever their size', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.maxSafeInteger()), (value) => {
        const writer = new ByteWriter();
        writer.int(value);
        let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value);
        const expected: number[] = [];
        for (; rest >= 128n; rest >>= 7n) expected.push(Number(rest & 127n) | 128);
        expect([...writer.finish()]).toEqual([...expected, Number(rest)]);
      }),
    );
  });
});

describe('a commit', () => {
  it('R1 is read back as it was written, each partition separately', () => {
    fc.assert(
      fc.property(header, sections, (wrote, of) => {
        const commit = decodeCommit({ seq: 7, data: encodeCommit(wrote, of) });
        expect(commit.header).toEqual(wrote);
        expect([...commit.partitions]).toEqual([...of.keys()]);
        for (const [partition, { events, ...rest }] of of) {
          expect(commit.section(partition)).toEqual({
            ...rest,
            events: events.map((some) => ({ ...some, seq: 7, readingId: readingIdOf(some) })),
          });
        }
        expect(commit.section(65 as Partition)).toBeUndefined();
      }),
    );
  });

  it('takes no more bytes than estimated', () => {
    fc.assert(
      fc.property(sections, (of) => {
        const most = [...of.values()]
          .flatMap(({ events, configs }) => [...events.map(eventBytesMax), ...configs.map(configBytesMax)])
          .reduce((sum, bytes) => sum + bytes, 0);
        const bare = new Map([...of].map(([partition, some]) => [partition, { ...some, events: [], configs: [] }]));
        expect(encodeCommit(commitHeader(), of).length - encodeCommit(commitHeader(), bare).length).toBeLessThanOrEqual(
          most + 8 * of.size,
        );
      }),
    );
  });

  it.each([
    [4, 'excluded', 2],
    [5, 'deleted', 1],
  ] as const)('is read in version %i, in which nothing was %s', (version, name, lacks) => {
    const encoded = (count: number): Uint8Array => {
      const { counters } = commitHeader();
      return encodeCommit(commitHeader({ counters: { ...counters, [name]: count } }), new Map());
    };
    const [none, one] = [encoded(0), encoded(1)];
    // Where the count is. `lacks` counts from there are missing.
    const at = none.findIndex((byte, index) => byte !== one[index]);
    const old = new Uint8Array([version, ...none.slice(1, at), ...none.slice(at + lacks)]);
    expect(decodeCommit({ seq: 1, data: old }).header).toEqual(commitHeader());
  });

  it('F2 of version 6 changes no setting that processes of that version do not know', () => {
    const settings = { ...DEFAULT_SETTINGS, blockRowsMax: 7, repeatedLateBlockAgeMaxMs: 60_000 };
    const partition = 3 as Partition;
    const data = encodeCommit(
      commitHeader(),
      new Map([[partition, { events: [], heartbeats: [], configs: [], settings }]]),
    );
    expect(decodeCommit({ seq: 1, data }).section(partition)?.settings).toEqual(settings);
    const of6 = new Uint8Array([6, ...data.slice(1)]);
    expect(decodeCommit({ seq: 1, data: of6 }).section(partition)?.settings).toEqual({
      ...settings,
      repeatedLateBlockAgeMaxMs: settings.lateBlockAgeMaxMs,
    });
  });

  it('Q1 what waits is read in version 6, which named it by subject', () => {
    const header = commitHeader({ readingsSeq: 9 });
    const none = encodeCommit(header, new Map());
    const writer = new ByteWriter();
    writer.byte(6);
    writer.uint(header.router);
    writer.text(header.commitId);
    writer.uint(header.previousSeq);
    writer.uint(header.readingsSeq);
    const begins = writer.length;
    writer.uint(2);
    for (const [subject, seq, index] of [
      ['readings.0.b.readings', 5, 2] as const,
      ['readings.0.a.readings', 3, 0] as const,
    ]) {
      writer.text(subject);
      writer.uint(seq);
      writer.uint(index);
    }
    const data = new Uint8Array([...writer.finish(), ...none.slice(begins + 1)]);
    expect(decodeCommit({ seq: 1, data }).header).toEqual({
      ...header,
      waiting: [
        { subject: 'readings.0.b.readings', fromSeq: 5, toSeq: 9, index: 2 },
        { subject: 'readings.0.a.readings', fromSeq: 3, toSeq: 9, index: 0 },
      ],
    });
  });

  it('R1 is refused when bytes are missing, too many, or of another version', () => {
    fc.assert(
      fc.property(header, sections, fc.nat(), (wrote, of, at) => {
        const data = encodeCommit(wrote, of);
        expect(() => decodeCommit({ seq: 1, data: data.subarray(0, at % data.length) })).toThrow(RangeError);
        expect(() => decodeCommit({ seq: 1, data: new Uint8Array([...data, 0]) })).toThrow(RangeError);
      }),
    );
    const json = new TextEncoder().encode('{"v":1,"kind":"position"}');
    expect(() => decodeCommit({ seq: 1, data: json })).toThrow(UnknownCommitVersion);
    expect(() => decodeCommit({ seq: 1, data: new Uint8Array([8]) })).toThrow(/version 8/);
  });

  it('is decoded once for all partitions of a process', () => {
    const entry = { seq: 1, timeMs: 1, subject: 'routers.0', data: encodeCommit(commitHeader(), new Map()) };
    expect(commitOf(entry)).toBe(commitOf(entry));
  });
});
