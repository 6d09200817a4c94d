// P1: the ports in memory, which the simulation runs on, keep the contracts of the real engines. Every
// test runs on both.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockOf, type Block } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { CommitHeader, ReadingPlace, Sections } from '../../src/domain/commit.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { readingIdOf, type Direction } from '../../src/domain/reading.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { FeedAnswer, FeedBatch, FeedItem, FeedQuestion } from '../../src/live/feed-message.ts';
import type { DpuReadingsPage, History } from '../../src/ports/history.ts';
import type { Member } from '../../src/ports/leases.ts';
import type { ReadingsLog } from '../../src/ports/readings-log.ts';
import { checkpointOf } from '../support/checkpoint.ts';
import { readNext } from '../support/read-log.ts';
import { commitHeader } from '../support/commit-header.ts';
import { eventually } from '../support/eventually.ts';
import { readTo } from '../support/read-log.ts';
import { enginePorts, memoryPorts, PARTITIONS, type Ports } from './ports.ts';

const [P0, P1, P2] = [0, 1, 2] as Partition[] as [Partition, Partition, Partition];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

let commits = 0;
const header = (router: Partition, readingsSeq: number): CommitHeader =>
  commitHeader({ router, readingsSeq, commitId: `c${++commits}` });

/** Something for each of these partitions. */
function sections(...partitions: readonly Partition[]): Sections {
  return new Map(
    partitions.map((partition) => [
      partition,
      {
        events: [],
        heartbeats: [{ spaceId: 1 as SpaceId, dpuId: 'd' as DpuId, timestampMs: partition }],
        configs: [],
        settings: undefined,
      },
    ]),
  );
}

function row(
  spaceId: number,
  timestampMs: number,
  delta: Direction,
  more: Partial<{ dpuId: string; sign: 1 | -1; name: string; hasPreviousId: true; primary: boolean }> = {},
): LoggedEvent {
  const { dpuId = 'd1', sign = 1, name, hasPreviousId, primary = true } = more;
  const reading = {
    dpuId: dpuId as DpuId,
    timestampMs,
    direction: delta,
    ...(name === undefined ? {} : { name }),
    ...(hasPreviousId ? { hasPreviousId } : {}),
  };
  return {
    spaceId: spaceId as SpaceId,
    doorwayId: 1 as DoorwayId,
    delta,
    sign,
    primary,
    seq: 1,
    readingId: readingIdOf(reading),
    ...reading,
  };
}

const block = (partition: Partition, number: number, ...rows: LoggedEvent[]): Block =>
  blockOf(0, partition, number, rows);

/** The newest entries of a DPU, once there are so many. */
async function readNewest(
  readings: ReadingsLog,
  partition: Partition,
  dpuId: string,
  count: number,
): Promise<StoredEntry[]> {
  const cursor = await readings.open(partition, 0);
  const entries: StoredEntry[] = [];
  while (entries.length < count)
    entries.push(...(await cursor.next(100)).filter(({ subject }) => subject.split('.')[2] === dpuId));
  await cursor.close();
  return entries;
}

describe.each([
  ['in memory', memoryPorts],
  ['nats-server and ClickHouse', enginePorts],
] as const)('P1 ports %s', (_, create) => {
  let ports: Ports;
  beforeAll(async () => {
    ports = await create();
  });
  afterAll(async () => ports.close());

  it("P1 a commit is whole, in order, and refused when its router's last one is not the one it expects", async () => {
    const { events } = ports;
    expect(await events.lastCommit(P0)).toEqual({ seq: 0, header: undefined });
    const first = await events.commit(header(P0, 1), sections(P0, P1), 0);
    expect(first.kind).toBe('committed');
    const stale = await events.commit(header(P0, 2), sections(P0), 0);
    expect(stale).toEqual({ kind: 'superseded' });
    const firstSeq = first.kind === 'committed' ? first.seq : 0;
    const second = await events.commit(header(P0, 3), new Map(), firstSeq);
    expect(second.kind).toBe('committed');
    const entries = await readNext(await events.open(P0, 0), 2);
    expect(entries.map(({ subject }) => subject)).toEqual(['routers.0', 'routers.0']);
    expect(entries[0]?.seq).toBe(firstSeq);
    expect(entries[1]?.seq).toBeGreaterThan(firstSeq);
    expect(entries[1]?.timeMs).toBeGreaterThanOrEqual(entries[0]?.timeMs ?? Infinity);
    expect(entries.map((entry) => [...decodeCommit(entry).partitions])).toEqual([[P0, P1], []]);
    expect((await events.lastCommit(P0)).header?.readingsSeq).toBe(3);
    expect((await events.firstCommitFrom(P0, firstSeq))?.readingsSeq).toBe(1);
    expect((await events.firstCommitFrom(P0, firstSeq + 1))?.readingsSeq).toBe(3);
    expect(await events.end()).toBe(entries[1]?.seq);
  });

  it('P1 of two commits with one expectation one is stored', async () => {
    const { events } = ports;
    const outcomes = await Promise.all([1, 2].map(async (n) => events.commit(header(P1, n), sections(P2), 0)));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['committed', 'superseded']);
    const winner = outcomes.findIndex(({ kind }) => kind === 'committed') + 1;
    expect((await events.lastCommit(P1)).header?.readingsSeq).toBe(winner);
    const entries = await readTo(await events.open(P2, 0), (await events.lastCommit(P1)).seq);
    expect(
      entries.filter(({ subject }) => subject === 'routers.1').map((entry) => decodeCommit(entry).header.readingsSeq),
    ).toEqual([winner]);
  });

  it("P1 truncating removes a router's commits before a sequence, and no other's", async () => {
    const { events } = ports;
    let { seq } = await events.lastCommit(P2);
    for (let n = 0; n < 3; n++) {
      const outcome = await events.commit(header(P2, n), sections(P2), seq);
      if (outcome.kind === 'committed') ({ seq } = outcome);
    }
    await events.truncate(P2, seq);
    const entries = await readTo(await events.open(P2, 0), seq);
    expect(entries.filter(({ subject }) => subject === 'routers.2').map(({ seq: at }) => at)).toEqual([seq]);
    expect(entries.some(({ subject }) => subject === 'routers.0')).toBe(true);
    expect((await events.lastCommit(P2)).seq).toBe(seq);
    expect((await events.firstCommitFrom(P2, 0))?.readingsSeq).toBe(2);
  });

  it('P1 the newest entry of a partition is known by when it was stored', async () => {
    const { readings } = ports;
    const dpuId = 'newest' as DpuId;
    const partition = partitionOfDpu(dpuId, PARTITIONS);
    await readings.append(dpuId, bytes('{"a":1}'));
    await readings.append(dpuId, bytes('{"a":2}'));
    const [, last] = await readNewest(readings, partition, dpuId, 2);
    expect(await readings.newestMs(partition)).toBe(last?.timeMs);
    await eventually(async () => {
      await readings.tick(partition);
      expect(await readings.newestMs(partition)).toBeGreaterThan(last?.timeMs ?? Infinity);
    });
  });

  it('P1 a cursor waits, is woken, and goes on where it stopped', async () => {
    const { readings } = ports;
    const dpuId = 'cursor' as DpuId;
    const partition = partitionOfDpu(dpuId, PARTITIONS);
    const cursor = await readings.open(partition, 0);
    const waiting = cursor.next(10);
    cursor.wake();
    expect(await waiting).toEqual([]);
    await readings.append(dpuId, bytes('{"a":1}'));
    const [entry] = await cursor.next(10);
    expect(entry?.subject).toBe(`readings.${partition}.${dpuId}.readings`);
    expect(text(entry?.data ?? bytes(''))).toBe('{"a":1}');
    await readings.tick(partition);
    const [tick] = await cursor.next(10);
    expect(tick?.subject).toBe(`readings.${partition}.tick`);
    expect(tick?.timeMs).toBeGreaterThanOrEqual(entry?.timeMs ?? Infinity);
    const closing = cursor.next(10);
    await cursor.close();
    expect(await closing).toEqual([]);
    expect((await readNext(await readings.open(partition, entry?.seq ?? 0), 1))[0]?.seq).toBe(tick?.seq);
  });

  it('P1 a purge of readings removes what is before a sequence and was stored before an instant', async () => {
    const { readings } = ports;
    const dpuId = 'purged' as DpuId;
    const partition = partitionOfDpu(dpuId, PARTITIONS);
    const kept = async (fromSeq: number, toSeq: number): Promise<number[]> => {
      const entries = await readTo(await readings.open(partition, fromSeq - 1), toSeq);
      return entries.filter(({ subject }) => subject.includes('.purged.')).map(({ seq }) => seq);
    };
    await readings.append(dpuId, bytes('1'));
    const [first] = await readNewest(readings, partition, 'purged', 1);
    // Stamps are whole milliseconds.
    await eventually(() => expect(Date.now()).toBeGreaterThan((first?.timeMs ?? Infinity) + 1));
    await readings.append(dpuId, bytes('2'));
    await readings.append(dpuId, bytes('3'));
    const [, second, third] = await readNewest(readings, partition, 'purged', 3);
    const seqs = [first, second, third].map((entry) => entry?.seq ?? 0) as [number, number, number];
    // By the one alone, or the other alone, nothing goes.
    await readings.purge(seqs[2], 0);
    await readings.purge(seqs[0], Date.now() + 60_000);
    expect(await kept(seqs[0], seqs[2])).toEqual(seqs);
    await readings.purge(seqs[2] + 1, second?.timeMs ?? 0);
    expect(await kept(1, seqs[2])).toEqual(seqs.slice(1));
    await readings.purge(seqs[2], Date.now() + 60_000);
    expect(await kept(1, seqs[2])).toEqual(seqs.slice(2));
    expect(await readings.firstSeqFrom(partition, seqs[0])).toBe(seqs[2]);
    expect(await readings.firstSeqFrom(partition, seqs[2])).toBe(seqs[2]);
    expect(await readings.firstSeqFrom(partition, seqs[2] + 1)).toBeUndefined();
    expect(await readings.firstSeqFrom(((partition + 1) % PARTITIONS) as Partition, seqs[0])).toBeUndefined();
    expect((await readings.usage()).lastSeq).toBe(seqs[2]);
    // What comes then has the next sequence, and is read.
    await readings.append(dpuId, bytes('4'));
    expect((await readNewest(readings, partition, 'purged', 2)).map(({ data }) => text(data))).toEqual(['3', '4']);
  });

  it('P1 changes of a partition are heard in order by who listens to it, until he ends that', async () => {
    const { changes } = ports;
    const heard: FeedBatch[] = [];
    const end = changes.subscribe(P1, (some) => heard.push(some));
    const item = (n: number): FeedItem => ({
      kind: 'correction',
      spaceId: n as SpaceId,
      seq: n,
      fromMs: 0,
      toMs: n,
      cause: 'late',
    });
    const batch = (first: number): FeedBatch => ({ epoch: 5, first, items: [item(first), item(first + 1)] });
    changes.publish(P0, batch(100));
    for (const first of [1, 3, 5]) changes.publish(P1, batch(first));
    await eventually(() => expect(heard).toEqual([batch(1), batch(3), batch(5)]));
    end();
    changes.publish(P1, batch(7));
    // A second listener hears it, so that the first would have.
    const others: FeedBatch[] = [];
    const endOther = changes.subscribe(P1, (some) => others.push(some));
    changes.publish(P1, batch(9));
    await eventually(() => expect(others).toEqual([batch(9)]));
    endOther();
    expect(heard).toHaveLength(3);
  });

  it('P1 a question is answered by who owns the partition, whole however long; by nobody when he does not answer', async () => {
    const { changes } = ports;
    const question: FeedQuestion = {
      all: true,
      spaceIds: [7 as SpaceId],
      epochMin: 3,
      isRenewal: false,
      after: { epoch: 3, n: 9 },
    };
    const asked: FeedQuestion[] = [];
    const items = Array.from({ length: 20_000 }, (_, n): FeedItem => ({
      kind: 'correction',
      spaceId: n as SpaceId,
      seq: n,
      fromMs: 0,
      toMs: n,
      cause: 'move',
    }));
    const answer: FeedAnswer = { epoch: 3, n: 20_009, counts: [], items };
    expect(JSON.stringify(answer).length).toBeGreaterThan(1024 * 1024);
    const end = changes.serve(P2, (some) => {
      asked.push(some);
      return some.epochMin > 3 ? undefined : answer;
    });
    expect(await changes.ask(P2, question)).toEqual(answer);
    expect(asked).toEqual([question]);
    await expect(changes.ask(P2, { ...question, epochMin: 4 })).rejects.toThrow(Failure);
    await expect(changes.ask(P0, question)).rejects.toThrow(Failure);
    end();
    await expect(changes.ask(P2, question)).rejects.toThrow(Failure);
  });

  it('P1 a fact of the topology is stored where the log ends as expected', async () => {
    const { topology } = ports;
    const fact = (timestampMs: number): TopologyFact => ({
      kind: 'reset',
      doc: { spaceId: 1 as SpaceId, timestampMs, count: 0, recordedMs: 0 },
    });
    expect(await topology.lastSeq()).toBe(0);
    expect(await topology.append(fact(1), 0)).toBe(1);
    expect(await topology.append(fact(2), 0)).toBeUndefined();
    expect(await topology.append(fact(3), 1)).toBe(2);
    expect(await topology.lastSeq()).toBe(2);
    const cursor = await topology.open(0);
    const entries = [...(await cursor.next())];
    while (entries.length < 2) entries.push(...(await cursor.next()));
    await cursor.close();
    expect(entries).toEqual([
      { seq: 1, fact: fact(1) },
      { seq: 2, fact: fact(3) },
    ]);
  });

  it('P1 a dead letter is stored once', async () => {
    const letter = {
      reason: 'bad_json',
      detail: 'no',
      subject: 'readings.0.d.readings',
      readingsSeq: 5,
      index: 0,
      items: 3,
      isCut: false,
      raw: bytes('['),
    } as const;
    await ports.deadLetters.store([letter, { ...letter, index: 1 }, { ...letter, reason: 'future' }]);
    await ports.deadLetters.store([letter]);
    expect(await ports.deadLetters.count()).toEqual({ kept: { bad_json: 6, future: 3 }, evicted: {} });
  });

  it('P1 dead letters that are too old are removed, and what they stood for stays counted', async () => {
    const { deadLetters } = ports;
    const letter = {
      reason: 'bad_id',
      detail: 'no',
      subject: 'readings.0.d.readings',
      readingsSeq: 6,
      index: 0,
      items: 3,
      isCut: false,
      raw: bytes('['),
    } as const;
    await deadLetters.store([letter]);
    const before = await deadLetters.count();
    expect(before.kept.bad_id).toBe(3);
    await deadLetters.evict(60_000);
    expect(await deadLetters.count()).toEqual(before);
    // Stamps are whole milliseconds.
    const storedMs = Date.now();
    await eventually(() => expect(Date.now()).toBeGreaterThan(storedMs + 1));
    await deadLetters.evict(0);
    expect(await deadLetters.count()).toEqual({ kept: {}, evicted: before.kept });
    await deadLetters.store([{ ...letter, readingsSeq: 7 }]);
    expect(await deadLetters.count()).toEqual({ kept: { bad_id: 3 }, evicted: before.kept });
    await deadLetters.evict(60_000);
    expect(await deadLetters.count()).toEqual({ kept: { bad_id: 3 }, evicted: before.kept });
  });

  it('P1 a checkpoint is saved by compare-and-set', async () => {
    const { checkpoints } = ports;
    expect(await checkpoints.load(P1)).toBeUndefined();
    expect((await checkpoints.last(P1)).storedBeforeSeq).toBe(0);
    // Larger than one message of the log.
    const snapshot = Array.from({ length: 900 }, (_, line) =>
      JSON.stringify(Array.from({ length: 100 }, (_, n) => ((line * 100 + n) * 2_654_435_761) % 4_294_967_296)),
    );
    const revision = (await checkpoints.save(P1, checkpointOf(7, snapshot), 0)) ?? 0;
    expect(revision).toBeGreaterThan(0);
    expect(await checkpoints.save(P1, checkpointOf(8, ['other']), 0)).toBeUndefined();
    const loaded = await checkpoints.load(P1);
    expect({ ...loaded, snapshot: [...(loaded?.snapshot ?? [])] }).toEqual({ revision, ...checkpointOf(7, snapshot) });
    expect(await checkpoints.save(P1, checkpointOf(9, ['next']), revision)).toBeGreaterThan(revision);
    expect((await checkpoints.last(P1)).storedBeforeSeq).toBe(9);
  });

  it("P1 a lease is one holder's until it is given up, and whoever lost an answer may ask again", async () => {
    const { leases } = ports;
    const taken = (await leases.take(P0, 'a')) ?? 0;
    expect(taken).toBeGreaterThan(0);
    expect(await leases.take(P0, 'b')).toBeUndefined();
    const [again = 0, renewed = 0] = [await leases.take(P0, 'a'), await leases.renew(P0, 'a', taken)];
    expect(again).toBeGreaterThan(taken);
    expect(renewed).toBeGreaterThan(again);
    // What is released is what was held last.
    await leases.release(P0, taken);
    expect(await leases.take(P0, 'b')).toBeUndefined();
    await leases.release(P0, renewed);
    expect(await leases.take(P0, 'b')).toBeGreaterThan(renewed);
    expect(await leases.renew(P0, 'a', renewed)).toBeUndefined();
  });

  it('P1 leases and memberships run out unless they are renewed, and whoever watches hears of all of it, the oldest first', async () => {
    const { leases } = ports;
    const member = (id: string): Member => ({ id, name: id, takesShards: true, standsBy: false });
    await leases.announce(member('old'));
    await leases.announce(member('new'));
    await leases.announce(member('gone'));
    await leases.withdraw(member('gone'));
    const held = (await leases.take(P1, 'old')) ?? 0;
    const heard: string[] = [];
    const watching = new AbortController();
    const watch = leases.watch((change) => {
      if (change.kind === 'member') heard.push(`${change.id} ${change.member ? 'lives' : 'left'}`);
      else if (change.shard !== P0) heard.push(`${change.shard} ${change.holder ?? 'free'}`);
    }, watching.signal);
    await eventually(() => expect(heard).toEqual(['old lives', 'new lives', 'gone left', '1 old']));
    let revision: number | undefined = held;
    await eventually(async () => {
      revision = await leases.renew(P1, 'old', revision ?? 0);
      expect(revision).toBeDefined();
      expect(heard).toEqual(expect.arrayContaining(['old left', 'new left']));
      expect(heard).not.toContain('1 free');
    });
    await eventually(() => expect(heard.at(-1)).toBe('1 free'));
    expect(await leases.take(P1, 'new')).toBeDefined();
    await eventually(() => expect(heard.at(-1)).toBe('1 new'));
    watching.abort();
    // It may be waiting for something to report.
    await leases.announce(member('last'));
    await watch;
  });

  it('P1 a block sent again changes nothing, in the events, the readings and the rollup', async () => {
    const { history } = ports;
    const month = 32 * 86_400_000;
    const rows = [row(11, 60_000, 1), row(11, 60_001, 1), row(11, 60_002, -1), row(11, month, 1)];
    for (let n = 0; n < 3; n++) await history.storeBlock(block(P0, 1, ...rows));
    // Another partition's block of the same number is another block.
    await history.storeBlock(block(P1, 1, row(12, 60_000, 1, { dpuId: 'd2' })));
    await history.storeBlock(block(P0, 2));
    expect(await history.lastBlock(P0)).toBe(1);
    expect(await history.lastBlock(P2)).toBe(0);
    expect(
      (await history.events(11 as SpaceId, 0, month, 1)).map(({ timestampMs, delta }) => [timestampMs, delta]),
    ).toEqual([
      [60_000, 1],
      [60_001, 1],
      [60_002, -1],
      [month, 1],
    ]);
    expect(await ports.minutes(11 as SpaceId)).toEqual(
      new Map([
        [1, { net: 1, entrances: 2, exits: 1 }],
        [month / 60_000, { net: 1, entrances: 1, exits: 0 }],
      ]),
    );
    const page = await history.readingsOfDpus({
      dpuIds: ['d1' as DpuId],
      fromMs: 0,
      toMs: month + 1,
      after: { dpuId: '' as DpuId, timestampMs: -1, readingId: '' },
      limit: 10,
    });
    expect(page.readings).toHaveLength(4);
    expect(page.end).toBeNull();
  });

  it('P1 what is stored of a partition: its newest events, what stands of a reading, a block that is completed', async () => {
    const { history, records } = ports;
    const [here, there] = [41 as SpaceId, 42 as SpaceId];
    await history.storeBlock(
      block(
        P2,
        1,
        row(here, 1_000, 1),
        row(here, 2_000, -1, { dpuId: 'd2' }),
        row(there, 1_000, -1, { primary: false }),
        row(here, 3_000, 1, { name: 'n' }),
      ),
    );
    await history.storeBlock(
      block(P2, 2, row(here, 3_000, 1, { name: 'n', sign: -1 }), row(here, 5_000, 1, { dpuId: 'd2', sign: -1 })),
    );
    expect((await records.newest(P2)).filter(({ spaceId }) => spaceId >= here)).toEqual([
      { spaceId: here, dpuId: 'd1', newestMs: 3_000, newestReadingMs: 3_000 },
      { spaceId: here, dpuId: 'd2', newestMs: 5_000, newestReadingMs: 2_000 },
      { spaceId: there, dpuId: 'd1', newestMs: 1_000, newestReadingMs: 1_000 },
    ]);
    const place = (
      spaceId: SpaceId,
      timestampMs: number,
      readingId: string,
    ): { spaceId: SpaceId; timestampMs: number; readingId: string } => ({ spaceId, timestampMs, readingId });
    const claims = await records.claims(P2, [
      place(here, 1_000, 'd1~1000~+'),
      place(there, 1_000, 'd1~1000~-'),
      place(here, 3_000, 'd1~3000~+.n'),
      place(here, 4_000, 'd1~4000~+'),
    ]);
    expect(
      claims
        .map(({ spaceId, timestampMs, delta, primary, signs }) => ({ spaceId, timestampMs, delta, primary, signs }))
        .sort((a, b) => a.spaceId - b.spaceId || a.timestampMs - b.timestampMs),
    ).toEqual([
      { spaceId: here, timestampMs: 1_000, delta: 1, primary: true, signs: 1 },
      { spaceId: here, timestampMs: 3_000, delta: 1, primary: true, signs: 0 },
      { spaceId: there, timestampMs: 1_000, delta: -1, primary: false, signs: 1 },
    ]);
    // Another partition's rows are not its own.
    expect(await records.claims(P1, [place(here, 1_000, 'd1~1000~+')])).toEqual([]);
    const before = await ports.minutes(here);
    for (let n = 0; n < 2; n++) await records.completeBlock(P2, 1);
    expect(await ports.minutes(here)).toEqual(before);
    expect((await history.events(here, 0, 10_000, 1)).map(({ timestampMs }) => timestampMs)).toEqual([
      1_000, 2_000, 3_000,
    ]);
  });

  it('P1 a block that came to a stop before the views had it is completed, once', async () => {
    const { history, records } = ports;
    const space = 43 as SpaceId;
    const month = 32 * 86_400_000;
    await history.storeBlock(
      block(
        P2,
        90,
        row(space, 61_000, 1, { dpuId: 'd9' }),
        row(space, 62_000, -1, { dpuId: 'd9' }),
        row(space, month, 1, { dpuId: 'd9' }),
      ),
    );
    const [before, page] = [
      await ports.minutes(space),
      {
        dpuIds: ['d9' as DpuId],
        fromMs: 0,
        toMs: month + 1,
        after: { dpuId: '' as DpuId, timestampMs: -1, readingId: '' },
        limit: 10,
      },
    ];
    expect(before.size).toBe(2);
    await ports.loseFromViews(space, P2, 90);
    expect((await ports.minutes(space)).size).toBe(0);
    for (let n = 0; n < 2; n++) await records.completeBlock(P2, 90);
    expect(await ports.minutes(space)).toEqual(before);
    expect((await history.readingsOfDpus(page)).readings).toHaveLength(3);
    expect((await history.events(space, 0, month, 90)).map(({ timestampMs }) => timestampMs)).toEqual([
      61_000,
      62_000,
      month,
    ]);
  });

  it('P1 rows are read up to a block, in event order, with retractions applied', async () => {
    const { history } = ports;
    const space = 21 as SpaceId;
    const some = { dpuId: 'd3' };
    await history.storeBlock(block(P0, 11, row(21, 200, -1, some), row(21, 100, 1, some), row(21, 100, -1, some)));
    await history.storeBlock(block(P0, 12, row(21, 150, 1, some), row(21, 100, 1, { ...some, sign: -1 })));
    const at = async (n: number): Promise<[number, number][]> =>
      (await history.events(space, 0, 1_000, n)).map(({ timestampMs, delta }) => [timestampMs, delta]);
    // `~+` stands before `~-`.
    expect(await at(11)).toEqual([
      [100, 1],
      [100, -1],
      [200, -1],
    ]);
    expect(await at(12)).toEqual([
      [100, -1],
      [150, 1],
      [200, -1],
    ]);
    expect(await history.events(space, 100, 150, 12)).toHaveLength(1);
    expect(await history.segments(space, [0, 100, 150, 300], 12)).toEqual([
      { sum: -1, sumMin: -1, sumMax: -1, riseMax: 0, entrances: 0, exits: 1 },
      { sum: 1, sumMin: 1, sumMax: 1, riseMax: 0, entrances: 1, exits: 0 },
      { sum: -1, sumMin: -1, sumMax: -1, riseMax: 0, entrances: 0, exits: 1 },
    ]);
    const runs = await history.occupancySegments(P0, [
      { spaceId: space, block: 12, afterMs: 0 },
      { spaceId: 22 as SpaceId, block: 12, afterMs: 0 },
    ]);
    expect(runs.get(space)).toMatchObject({ sum: -1, sumMin: -1, sumMax: 0, riseMax: 1 });
    expect(runs.get(22 as SpaceId)).toMatchObject({ sum: 0, entrances: 0, exits: 0 });
  });

  it('P1 a reading is found by everything it says, retracted or not', async () => {
    const { history } = ports;
    const some = { dpuId: 'd4' };
    await history.storeBlock(
      block(
        P2,
        3,
        row(31, 500, 1, { ...some, name: 'n' }),
        row(31, 600, -1, some),
        row(31, 600, -1, { ...some, sign: -1 }),
        row(31, 700, 1, { ...some, primary: false }),
      ),
    );
    await history.storeBlock(block(P2, 4, row(31, 400, -1, { ...some, name: 'n' })));
    const dpuId = 'd4' as DpuId;
    const found = await history.findReadings([
      // All but the first and the last but one differ in one thing from what is stored.
      { dpuId, timestampMs: 500, direction: 1, name: 'n' },
      { dpuId, timestampMs: 501, direction: 1, name: 'n' },
      { dpuId, timestampMs: 500, direction: -1, name: 'n' },
      { dpuId, timestampMs: 500, direction: 1, name: 'm' },
      { dpuId, timestampMs: 500, direction: 1 },
      { dpuId: 'd5' as DpuId, timestampMs: 500, direction: 1, name: 'n' },
      { dpuId, timestampMs: 600, direction: -1, name: 'n' },
      { dpuId, timestampMs: 600, direction: 1 },
      { dpuId, timestampMs: 600, direction: -1 },
      { dpuId, timestampMs: 700, direction: 1 },
    ]);
    expect(found.map(readingIdOf).sort()).toEqual(['d4~500~+.n', 'd4~600~-']);
    expect(await history.newestReadings([dpuId, 'nobody' as DpuId])).toEqual(new Map([[dpuId, 600]]));
    expect(await pagesOf(history, dpuId)).toEqual(['d4~400~-.n', 'd4~500~+.n', 'd4~600~-']);
  });

  it('P1 a reading that has an id of the previous form is found by what it says, and keeps its id; of several with one such id the earliest counts', async () => {
    const { history } = ports;
    const before = { dpuId: 'd6', hasPreviousId: true } as const;
    // 900 was retracted when 800 came, and moved; at 800 the exit prevails.
    await history.storeBlock(
      block(
        P2,
        5,
        row(32, 900, 1, { ...before, name: 'n' }),
        row(32, 900, 1, { ...before, name: 'n', sign: -1 }),
        row(32, 800, 1, { ...before, name: 'n' }),
        row(32, 700, 1, { ...before, name: 'm' }),
      ),
    );
    await history.storeBlock(
      block(
        P2,
        6,
        row(32, 800, 1, { ...before, name: 'n', sign: -1 }),
        row(32, 800, -1, { ...before, name: 'n' }),
        row(32, 900, -1, { dpuId: 'd6', name: 'n' }),
        row(32, 900, -1, { dpuId: 'd6' }),
      ),
    );
    const dpuId = 'd6' as DpuId;
    const found = await history.findReadings([
      { dpuId, timestampMs: 700, direction: 1, name: 'm' },
      { dpuId, timestampMs: 701, direction: 1, name: 'm' },
      { dpuId, timestampMs: 700, direction: 1 },
      { dpuId, timestampMs: 900, direction: 1, name: 'n' },
      { dpuId, timestampMs: 900, direction: -1, name: 'n' },
    ]);
    expect(found.sort((a, b) => a.timestampMs - b.timestampMs || a.direction - b.direction)).toEqual([
      { dpuId, timestampMs: 700, direction: 1, name: 'm', hasPreviousId: true },
      { dpuId, timestampMs: 900, direction: -1, name: 'n' },
      { dpuId, timestampMs: 900, direction: 1, name: 'n', hasPreviousId: true },
    ]);
    expect(await pagesOf(history, dpuId)).toEqual(['d6.m', 'd6.n', 'd6~900~-', 'd6~900~-.n']);
  });
});

/** The ids of a DPU's readings, one a page. */
async function pagesOf(history: History, dpuId: DpuId): Promise<string[]> {
  const ids: string[] = [];
  for (let after: ReadingPlace | null = { dpuId: '' as DpuId, timestampMs: -1, readingId: '' }; after;) {
    const page: DpuReadingsPage = await history.readingsOfDpus({
      dpuIds: [dpuId],
      fromMs: 0,
      toMs: 1_000,
      limit: 1,
      after,
    });
    ids.push(...page.readings.map(readingIdOf));
    after = page.end;
  }
  return ids;
}
