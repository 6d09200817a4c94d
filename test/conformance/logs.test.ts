// The logs and the other streams in JetStream. One suite for both implementations.
import { expect, it } from 'vitest';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { CommitHeader, Sections } from '../../src/domain/commit.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import type { RejectReason } from '../../src/domain/reading.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import type { KeptLetter, LetterSelection } from '../../src/ports/dead-letters.ts';
import type { ReadingsLog } from '../../src/ports/readings-log.ts';
import { checkpointOf } from '../support/checkpoint.ts';
import { commitHeader } from '../support/commit-header.ts';
import { eventually } from '../support/eventually.ts';
import { readNext, readTo } from '../support/read-log.ts';
import { describePorts, PARTITIONS } from './ports.ts';

const [P0, P1, P2, P3] = [0, 1, 2, 3] as Partition[] as [Partition, Partition, Partition, Partition];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

let commits = 0;
const header = (router: Partition, readingsSeq: number): CommitHeader =>
  commitHeader({ router, readingsSeq, commitId: `c${++commits}` });

/** A section with one heartbeat for each of these partitions. */
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

/** The entries of a DPU, once there are `count` of them. */
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

describePorts('logs', (ports) => {
  it("P1 a commit is stored whole and in order, and refused unless its router's last commit is the expected one", async () => {
    const { events } = ports();
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

  it("P1 reads one router's commits in order, after a sequence and where they were truncated", async () => {
    const { events } = ports();
    const seqs: number[] = [];
    for (let n = 0; n < 4; n++) {
      const outcome = await events.commit(header(P3, n), sections(P0, P3), seqs.at(-1) ?? 0);
      seqs.push(outcome.kind === 'committed' ? outcome.seq : 0);
      const { seq } = await events.lastCommit(P2);
      await events.commit(header(P2, n), sections(P2), seq);
    }
    const read = async (afterSeq: number, count: number): Promise<number[]> => {
      const cursor = await events.openRouter(P3, afterSeq);
      const entries = await readNext(cursor, count);
      return entries.map((entry) => decodeCommit(entry).header.readingsSeq);
    };
    expect(await read(0, 4)).toEqual([0, 1, 2, 3]);
    expect(await read(seqs[1] ?? 0, 2)).toEqual([2, 3]);
    await events.truncate(P3, seqs[2] ?? 0);
    expect(await read(0, 2)).toEqual([2, 3]);
  });

  it('P1 only one of two commits with the same expected sequence is stored', async () => {
    const { events } = ports();
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
    const { events } = ports();
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

  it('P1 READINGS reports when the newest entry of a partition was stored', async () => {
    const { readings } = ports();
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

  it('P1 a cursor waits, can be woken, and resumes where it stopped', async () => {
    const { readings } = ports();
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

  it('P1 a purge of READINGS removes entries that are before a sequence and were stored before an instant', async () => {
    const { readings } = ports();
    const dpuId = 'purged' as DpuId;
    const partition = partitionOfDpu(dpuId, PARTITIONS);
    const kept = async (fromSeq: number, toSeq: number): Promise<number[]> => {
      const entries = await readTo(await readings.open(partition, fromSeq - 1), toSeq);
      return entries.filter(({ subject }) => subject.includes('.purged.')).map(({ seq }) => seq);
    };
    await readings.append(dpuId, bytes('1'));
    const [first] = await readNewest(readings, partition, 'purged', 1);
    // Timestamps of the server are whole milliseconds.
    await eventually(() => expect(Date.now()).toBeGreaterThan((first?.timeMs ?? Infinity) + 1));
    await readings.append(dpuId, bytes('2'));
    await readings.append(dpuId, bytes('3'));
    const [, second, third] = await readNewest(readings, partition, 'purged', 3);
    const seqs = [first, second, third].map((entry) => entry?.seq ?? 0) as [number, number, number];
    // One of the two conditions alone removes nothing.
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
    // The next entry gets the next sequence, and can be read.
    await readings.append(dpuId, bytes('4'));
    expect((await readNewest(readings, partition, 'purged', 2)).map(({ data }) => text(data))).toEqual(['3', '4']);
  });

  it('P1 a topology fact is stored only if the log ends at the expected sequence', async () => {
    const { topology } = ports();
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
    // The digest of the log is taken of these bytes in place of the fact.
    for (const { bytes, fact: read } of entries) {
      if (bytes) expect(Buffer.from(bytes).toString()).toBe(JSON.stringify(read));
    }
    expect(entries).toMatchObject([
      { seq: 1, fact: fact(1), storedMs: expect.any(Number) as number },
      { seq: 2, fact: fact(3), storedMs: expect.any(Number) as number },
    ]);
    expect(entries[1]?.storedMs).toBeGreaterThanOrEqual(entries[0]?.storedMs ?? Infinity);
  });

  it('P1 a dead letter is stored once', async () => {
    const letter = {
      reason: 'bad_json',
      detail: 'no',
      subject: 'readings.0.d.readings',
      readingsSeq: 5,
      index: 0,
      arrivedMs: 1_000,
      items: 3,
      isCut: false,
      raw: bytes('['),
    } as const;
    await ports().deadLetters.store([letter, { ...letter, index: 1 }, { ...letter, reason: 'future' }]);
    await ports().deadLetters.store([letter]);
    expect(await ports().deadLetters.count()).toEqual({ kept: { bad_json: 6, future: 3 }, evicted: {} });
  });

  it('P1 dead letters that are too old are removed, and the items they stand for stay counted', async () => {
    const { deadLetters } = ports();
    const letter = {
      reason: 'bad_id',
      detail: 'no',
      subject: 'readings.0.d.readings',
      readingsSeq: 6,
      index: 0,
      arrivedMs: 1_000,
      items: 3,
      isCut: false,
      raw: bytes('['),
    } as const;
    await deadLetters.store([letter]);
    const before = await deadLetters.count();
    expect(before.kept.bad_id).toBe(3);
    await deadLetters.evict(60_000);
    expect(await deadLetters.count()).toEqual(before);
    // Timestamps of the server are whole milliseconds.
    const storedMs = Date.now();
    await eventually(() => expect(Date.now()).toBeGreaterThan(storedMs + 1));
    await deadLetters.evict(0);
    expect(await deadLetters.count()).toEqual({ kept: {}, evicted: before.kept });
    await deadLetters.store([{ ...letter, readingsSeq: 7 }]);
    expect(await deadLetters.count()).toEqual({ kept: { bad_id: 3 }, evicted: before.kept });
    await deadLetters.evict(60_000);
    expect(await deadLetters.count()).toEqual({ kept: { bad_id: 3 }, evicted: before.kept });
  });

  it('P1 D2 letters are read as they were stored, by reason and time, and how one is replayed is recorded once', async () => {
    const { deadLetters } = ports();
    const letter = {
      reason: 'bad_direction',
      detail: 'no',
      subject: 'readings.0.d.readings',
      readingsSeq: 8,
      index: 2,
      arrivedMs: 1_234,
      items: 1,
      isCut: false,
      raw: bytes('{}'),
    } as const;
    const read = async (selection: LetterSelection): Promise<KeptLetter[]> => {
      const found: KeptLetter[] = [];
      for await (const one of deadLetters.letters(selection)) found.push(one);
      return found;
    };
    const arrival = { earliestMs: 0, latestMs: 1_299, accepted: 2, digest: 'a-digest' };
    await deadLetters.store([
      letter,
      { ...letter, reason: 'bad_id', readingsSeq: 9, isCut: true },
      { ...letter, reason: 'bad_payload', readingsSeq: 10, arrival },
    ]);
    expect(await read({ reason: 'bad_payload' })).toMatchObject([{ readingsSeq: 10, arrival }]);
    const [kept, ...others] = await read({ reason: 'bad_direction' });
    expect(others).toEqual([]);
    expect({ ...kept, raw: new TextDecoder().decode(kept?.raw) }).toEqual({
      ...letter,
      raw: '{}',
      storedMs: expect.any(Number) as number,
    });
    expect((await read({})).map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['bad_direction', 'bad_id'] satisfies RejectReason[]),
    );
    const storedMs = kept?.storedMs ?? 0;
    expect(await read({ reason: 'bad_direction', fromMs: storedMs, toMs: storedMs + 1 })).toHaveLength(1);
    expect(await read({ reason: 'bad_direction', toMs: storedMs })).toEqual([]);
    expect(await read({ reason: 'bad_direction', fromMs: storedMs + 1 })).toEqual([]);

    const counted = await deadLetters.count();
    const first = { shiftMs: -5, dpuId: null, atMs: 1 };
    expect(await deadLetters.recordReplay(letter, first)).toEqual(first);
    expect(await deadLetters.recordReplay(letter, { ...first, shiftMs: 7, atMs: 2 })).toEqual(first);
    const later = { ...first, atMs: 3 };
    expect(await deadLetters.recordReplay({ ...letter, arrivedMs: 1_235 }, later)).toEqual(later);
    // A payload has a record beside those of its letters.
    const payload = { ...letter, reason: 'payload', index: 0 } as const;
    const whole = { ...first, readAs: 'arrival.a-digest', atMs: 4 };
    expect(await deadLetters.recordReplay(payload, whole)).toEqual(whole);
    expect(await deadLetters.recordReplay(payload, { ...whole, readAs: 'now.another' })).toEqual(whole);
    expect(await deadLetters.recordReplay(letter, { ...whole, readAs: 'another' })).toEqual(first);
    expect(await deadLetters.count()).toEqual(counted);
    expect(await read({ reason: 'bad_direction' })).toHaveLength(1);
  });

  it('P1 a checkpoint is saved by compare-and-set', async () => {
    const { checkpoints } = ports();
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
});
