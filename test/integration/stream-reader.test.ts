// The reader of a stream on a real server: every cursor gets exactly the entries of its partition after its position,
// in order, whatever the other cursors do and whatever happens to the server.
import type { JetStreamClient } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import type { ReadMode } from '../../src/nats/read-mode.ts';
import { StreamReader, type StreamReaderOptions } from '../../src/nats/stream-reader.ts';
import { partitionOfReading, READINGS, readingsOf, readingSubject } from '../../src/nats/streams.ts';
import type { LogCursor } from '../../src/ports/log.ts';
import { eventually } from '../support/eventually.ts';
import { NatsAlone } from '../support/nats-alone.ts';

const PARTITIONS = 4;
const ALL = Array.from({ length: PARTITIONS }, (_, k) => k as Partition);
const [P0, P1, P2, P3] = ALL as [Partition, Partition, Partition, Partition];
const DPUS = Array.from({ length: 40 }, (_, n) => `dpu-${n}` as DpuId);
const SMALL = new Uint8Array(100);

let server: NatsAlone;
/** Started by this test. */
let begun: Reading[] = [];

beforeAll(async () => {
  server = await NatsAlone.start(PARTITIONS);
});
afterAll(async () => server?.dispose());
beforeEach(async () => {
  await eventually(async () => expect(await consumers()).toBe(0));
});

afterEach(async () => {
  await Promise.all(begun.map(async (reading) => reading.end()));
  begun = [];
});

const info = async () => (await server.nats.jsm.streams.info(READINGS)).state;
const consumers = async (): Promise<number> => (await info()).consumer_count;
const lastSeq = async (): Promise<number> => (await info()).last_seq;

function readerOf(options: Partial<StreamReaderOptions> = {}, js = server.nats.js): StreamReader {
  return new StreamReader(js, {
    stream: READINGS,
    partitionOf: partitionOfReading,
    catchUpSubjects: (partition) => [readingsOf(partition)],
    ...options,
  });
}

async function publish(dpuIds: readonly DpuId[], rounds: number, data = SMALL): Promise<void> {
  for (let round = 0; round < rounds; round++)
    await Promise.all(dpuIds.map(async (id) => server.nats.js.publish(readingSubject(id), data, { timeout: 1_000 })));
}

/** DPUs whose readings fall into a partition. */
const dpusOf = (partition: Partition): DpuId[] => DPUS.filter((id) => partitionOfDpu(id, PARTITIONS) === partition);

/** The sequences of a partition in the stream after a sequence. */
async function stored(partition: Partition, afterSeq: number): Promise<number[]> {
  const seqs: number[] = [];
  const consumer = await server.nats.js.consumers.get(READINGS, {
    filter_subjects: readingsOf(partition),
    opt_start_seq: afterSeq + 1,
  });
  if ((await consumer.info()).num_pending > 0) {
    for await (const {
      seq,
      info: { pending },
    } of await consumer.consume({ max_messages: 10_000 })) {
      seqs.push(seq);
      if (pending === 0) break;
    }
  }
  await consumer.delete();
  return seqs;
}

/** Reads as the service does: after a failure it opens a new cursor at the same position. */
class Reading {
  readonly entries: StoredEntry[] = [];
  failures = 0;
  readonly partition: Partition;
  readonly afterSeq: number;
  readonly #reader: StreamReader;
  readonly #done: Promise<void>;
  #cursor: LogCursor | undefined;
  #isOver = false;

  constructor(reader: StreamReader, partition: Partition, afterSeq: number) {
    [this.#reader, this.partition, this.afterSeq] = [reader, partition, afterSeq];
    this.#done = this.#read();
    begun.push(this);
  }

  get seq(): number {
    return this.entries.at(-1)?.seq ?? this.afterSeq;
  }

  get seqs(): number[] {
    return this.entries.map(({ seq }) => seq);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#cursor?.close();
    await this.#done;
  }

  /** Once it has read all there is. */
  async complete(): Promise<void> {
    const expected = await stored(this.partition, this.afterSeq);
    await eventually(() => expect(this.entries.length).toBeGreaterThanOrEqual(expected.length));
    await this.end();
    expect(this.seqs).toEqual(expected);
    expect(this.entries.every(({ subject }) => subject.startsWith(`readings.${this.partition}.`))).toBe(true);
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      try {
        this.#cursor = await this.#reader.open(this.partition, this.seq);
        while (!this.#isOver) this.entries.push(...(await this.#cursor.next(50)));
      } catch {
        this.failures += 1;
      }
      await this.#cursor?.close();
    }
  }
}

async function readTo(cursor: LogCursor, seq: number): Promise<number[]> {
  const seqs: number[] = [];
  while ((seqs.at(-1) ?? 0) < seq) seqs.push(...(await cursor.next(50)).map((entry) => entry.seq));
  return seqs;
}

describe('a stream that partitions read together', () => {
  it.each([4 * 1024 * 1024, 8 * 1024])(
    'gives each cursor its own entries, wherever and whenever it is opened, with queues of %d bytes',
    async (queueBytesMax) => {
      const reader = readerOf({ queueBytesMax });
      const readings: Reading[] = [];
      const startSeq = await lastSeq();
      let isPublished = false;
      const publishing = publish(DPUS, 60).then(() => (isPublished = true));
      for (let n = 0; !isPublished; n++) {
        if (n < 24)
          readings.push(
            new Reading(reader, ALL[n % PARTITIONS] ?? P0, Math.max(0, (await lastSeq()) - ((n * 37) % 500))),
          );
        await eventually(async () => expect(isPublished || (await lastSeq()) > startSeq + n * 50).toBe(true));
      }
      await publishing;
      expect(readings.length).toBeGreaterThan(20);
      await Promise.all(readings.map(async (reading) => reading.complete()));
      expect(readings.map(({ failures }) => failures)).toEqual(readings.map(() => 0));
    },
  );

  it('uses one consumer once all cursors have caught up, and none when all are closed', async () => {
    const reader = readerOf();
    const seq = await lastSeq();
    await publish(DPUS, 5);
    const readings = [
      new Reading(reader, P0, seq + 60),
      ...ALL.map((partition) => new Reading(reader, partition, seq)),
    ];
    await publish(DPUS, 5);
    await eventually(async () => expect(await consumers()).toBe(1));
    await publish(DPUS, 5);
    await Promise.all(readings.map(async (reading) => reading.complete()));
    await eventually(async () => expect(await consumers()).toBe(0));
  });

  it('gives all cursors the same object if an entry is for all', async () => {
    const reader = readerOf({ partitionOf: () => 'all', catchUpSubjects: () => [] });
    const seq = await lastSeq();
    const cursors = await Promise.all(ALL.map(async (partition) => reader.open(partition, seq)));
    expect(await consumers()).toBe(1);
    await publish(DPUS, 1);
    const read = await Promise.all(
      cursors.map(async (cursor) => {
        const entries: StoredEntry[] = [];
        while (entries.length < DPUS.length) entries.push(...(await cursor.next(7)));
        await cursor.close();
        return entries;
      }),
    );
    for (const entries of read) entries.forEach((entry, index) => expect(entry).toBe(read[0]?.[index]));
  });

  it('detaches a cursor that does not read, and gives it everything later', async () => {
    const reader = readerOf({ queueBytesMax: 100_000, idleMaxMs: 600_000 });
    const seq = await lastSeq();
    const slow = await reader.open(P0, seq);
    const others = [P1, P2, P3].map((partition) => new Reading(reader, partition, seq));
    // Ten times the capacity of its queue.
    await publish(dpusOf(P0).slice(0, 5), 20, new Uint8Array(10_000));
    await publish(DPUS, 3);
    await Promise.all(others.map(async (reading) => reading.complete()));
    // Up to here nothing was read from it.
    expect(slow.behind).toBeGreaterThan(100);
    const expected = await stored(P0, seq);
    expect(await readTo(slow, expected.at(-1) ?? 0)).toEqual(expected);
    await publish(dpusOf(P0), 2);
    const more = await stored(P0, expected.at(-1) ?? 0);
    expect(await readTo(slow, more.at(-1) ?? 0)).toEqual(more);
    expect(await consumers()).toBe(1);
    await slow.close();
    await slow.close();
  });

  it('waits for a cursor that reads slowly, and does not detach it', async () => {
    const reader = readerOf({ queueBytesMax: 20_000 });
    const seq = await lastSeq();
    const slow = await reader.open(P0, seq);
    await publish(dpusOf(P0).slice(0, 5), 20, new Uint8Array(10_000));
    const expected = await stored(P0, seq);
    const seqs: number[] = [];
    while (seqs.length < expected.length) {
      seqs.push(...(await slow.next(1)).map((entry) => entry.seq));
      expect(await consumers()).toBe(1);
    }
    expect(seqs).toEqual(expected);
    await slow.close();
  });

  it('removes the consumer of a cursor that reads nothing for long, and creates one when it reads again', async () => {
    const seq = await lastSeq();
    await publish(dpusOf(P0).slice(0, 5), 20, new Uint8Array(10_000));
    const expected = await stored(P0, seq);
    // One cursor follows the shared consumer, the other has its own.
    for (const mode of ['shared', 'filtered'] satisfies ReadMode[]) {
      const slow = await readerOf({ queueBytesMax: 20_000, idleMaxMs: 50, modeFor: () => mode }).open(P0, seq);
      await eventually(async () => expect(await consumers()).toBe(mode === 'shared' ? 1 : 0));
      expect(await readTo(slow, expected.at(-1) ?? 0)).toEqual(expected);
      await slow.close();
      await eventually(async () => expect(await consumers()).toBe(0));
    }
  });

  it('lets another cursor continue where one was closed', async () => {
    const reader = readerOf();
    const seq = await lastSeq();
    const kept = new Reading(reader, P1, seq);
    let place = seq;
    const seqs: number[] = [];
    for (let n = 0; n < 6; n++) {
      const cursor = await reader.open(P0, place);
      await publish(dpusOf(P0), 2);
      await publish(dpusOf(P1), 1);
      seqs.push(...(await cursor.next(5)).map((entry) => entry.seq));
      place = seqs.at(-1) ?? place;
      await cursor.close();
    }
    const rest = new Reading(reader, P0, place);
    await Promise.all([kept.complete(), rest.complete()]);
    expect([...seqs, ...rest.seqs]).toEqual(await stored(P0, seq));
  });

  it('loses nothing and repeats nothing when the server is killed, and started again', async () => {
    // The check for silent consumers comes later: the behaviour under test does not depend on it.
    const reader = readerOf({ queueBytesMax: 50_000, stallCheckMs: 600_000 });
    const seq = await lastSeq();
    await publish(DPUS, 10);
    // The first cursors follow the shared consumer, the others catch up.
    const readings = [
      ...ALL.map((partition) => new Reading(reader, partition, seq + 350)),
      ...ALL.map((partition) => new Reading(reader, partition, seq)),
    ];
    let isOver = false;
    const publishing = (async () => {
      while (!isOver) await publish(DPUS, 1).catch(() => undefined);
    })();
    const goesOn = async (): Promise<void> => {
      const before = readings.map((reading) => reading.entries.length);
      // Less than half a minute, after which the client itself would recover.
      await eventually(
        () =>
          readings.forEach((reading, index) =>
            expect(reading.entries.length).toBeGreaterThan((before[index] ?? 0) + 500),
          ),
        25_000,
      );
    };
    try {
      for (let kills = 0; kills < 3; kills++) {
        await goesOn();
        const restart = await server.kill();
        await restart();
      }
      await goesOn();
    } finally {
      isOver = true;
      await publishing;
    }
    await Promise.all(readings.map(async (reading) => reading.complete()));
  });
});

describe('a stream of which a process reads some partitions', () => {
  it('is read by one consumer per partition, then by a shared one, then by one per partition again', async () => {
    const reader = readerOf({ modeFor: (open) => (open >= 3 ? 'shared' : 'filtered') });
    const seq = await lastSeq();
    const readings = [P0, P1].map((partition) => new Reading(reader, partition, seq));
    await publish(DPUS, 3);
    await eventually(() => readings.forEach((reading) => expect(reading.entries.length).toBeGreaterThan(0)));
    expect(await consumers()).toBe(2);
    const third = new Reading(reader, P2, seq);
    await eventually(async () => {
      await publish(DPUS, 1);
      expect(await consumers()).toBe(1);
    });
    await third.complete();
    await eventually(async () => expect(await consumers()).toBe(2));
    await publish(DPUS, 3);
    await Promise.all(readings.map(async (reading) => reading.complete()));
  });

  it('does not delay a cursor at the end when another starts far behind', async () => {
    const reader = readerOf({ modeFor: (open) => (open >= 2 ? 'shared' : 'filtered'), queueBytesMax: 20_000 });
    const seq = await lastSeq();
    const first = await reader.open(P0, seq);
    const far = await reader.open(P1, 0);
    for (let round = 0, place = seq; round < 5; round++, place = await lastSeq()) {
      await publish(dpusOf(P0), 1);
      expect(await readTo(first, await lastSeq())).toEqual(await stored(P0, place));
    }
    // The shared consumer started where the first cursor was; the other cursor, which nobody reads yet, has its own.
    expect(await consumers()).toBe(2);
    expect(await readTo(far, (await stored(P1, 0)).at(-1) ?? 0)).toEqual(await stored(P1, 0));
    await Promise.all([first.close(), far.close()]);
  });
});

describe('a consumer that delivers nothing', () => {
  /** Replaces the consumers that `isDeaf` selects by real ones whose filter matches nothing. */
  const deaf = (isDeaf: (filter: unknown) => boolean): JetStreamClient =>
    new Proxy(server.nats.js, {
      get: (js, key) =>
        key === 'consumers'
          ? {
              get: async (stream: string, options: { filter_subjects?: string | string[] }) =>
                js.consumers.get(
                  stream,
                  isDeaf(options.filter_subjects) ? { ...options, filter_subjects: ['readings.none'] } : options,
                ),
            }
          : (Reflect.get(js, key) as unknown),
    });

  it('fails for the cursors that follow it, not for those that catch up, and is replaced at the next open', async () => {
    let isSharedDeaf = true;
    const reader = readerOf(
      { stallCheckMs: 50 },
      deaf((filter) => filter === undefined && isSharedDeaf),
    );
    const seq = await lastSeq();
    await publish(DPUS, 2);
    const following = await reader.open(P0, seq + 20);
    const behind = new Reading(reader, P1, seq);
    await expect(following.next(1)).rejects.toThrow(/delivers nothing after \d+, but the log holds \d+/);
    await following.close();
    await publish(DPUS, 1);
    await eventually(async () => expect(behind.seqs).toEqual(await stored(P1, seq)));
    isSharedDeaf = false;
    const again = new Reading(reader, P0, seq + 20);
    await eventually(async () => {
      await publish(DPUS, 1);
      expect(await consumers()).toBe(1);
    });
    await Promise.all([again.complete(), behind.complete()]);
    expect([behind.failures, again.failures]).toEqual([0, 0]);
  });

  it('fails for the cursor that catches up, and not for the others', async () => {
    let isFilteredDeaf = true;
    const reader = readerOf(
      { stallCheckMs: 50 },
      deaf((filter) => filter !== undefined && isFilteredDeaf),
    );
    const seq = await lastSeq();
    await publish(DPUS, 2);
    const following = new Reading(reader, P0, await lastSeq());
    const behind = await reader.open(P1, seq);
    await expect(behind.next(1)).rejects.toThrow(/delivers nothing/);
    await behind.close();
    isFilteredDeaf = false;
    await publish(DPUS, 1);
    await Promise.all([following.complete(), new Reading(reader, P1, seq).complete()]);
    expect(following.failures).toBe(0);
  });

  it('is distinguished from a log that nobody writes to', async () => {
    const reader = readerOf({ stallCheckMs: 10 });
    const cursor = await reader.open(P0, await lastSeq());
    const failed = cursor.next(1).then(
      () => false,
      () => true,
    );
    const checked = await readerOf(
      { stallCheckMs: 50 },
      deaf(() => true),
    ).open(P0, 0);
    // By the time the other fails, this one has passed several checks.
    await expect(checked.next(1)).rejects.toThrow(/delivers nothing/);
    cursor.wake();
    expect(await failed).toBe(false);
    await Promise.all([cursor.close(), checked.close()]);
  });
});
