// What one DPU sent all at once is set aside, and the others go on.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { Backlogs } from '../../src/router/backlogs.ts';
import { Router } from '../../src/router/router.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';

let seq = 0;
const entry = (subject: string, bytes: number): StoredEntry => ({ seq: ++seq, timeMs: 1_000 + seq, subject, data: new Uint8Array(bytes) });
const seqs = (entries: readonly StoredEntry[]): number[] => entries.map(({ seq: at }) => at);

describe('backlogs', () => {
  it('Q1 sets aside what is beyond a fair share, all that follows of the same DPU, and nothing of the others', () => {
    seq = 0;
    const backlogs = new Backlogs(100);
    expect(seqs(backlogs.admit([entry('a', 60), entry('b', 10), entry('a', 60), entry('c', 90)]))).toEqual([1, 2, 4]);
    expect(seqs(backlogs.admit([entry('a', 1), entry('b', 10)]))).toEqual([6]);
    expect(backlogs.firsts).toEqual([['a', 3]]);
    expect(backlogs.firstMs).toBe(1_003);
    expect(seqs(backlogs.take())).toEqual([3, 5]);
    expect(backlogs.isEmpty).toBe(true);
    expect(backlogs.firstMs).toBe(Infinity);
  });

  it('Q1 takes slices of a fair size, in turn, and an entry that is larger whole', () => {
    seq = 0;
    const backlogs = new Backlogs(100);
    backlogs.admit([entry('a', 150), entry('a', 60), entry('a', 40), entry('a', 1), entry('b', 101), entry('b', 2)]);
    expect([seqs(backlogs.take()), seqs(backlogs.take()), seqs(backlogs.take()), seqs(backlogs.take()), seqs(backlogs.take())]).toEqual([[1], [5], [2, 3], [6], [4]]);
    expect(backlogs.take()).toEqual([]);
  });

  it('Q1 a backlog that everybody has is nobody\'s', () => {
    seq = 0;
    const backlogs = new Backlogs(100);
    const all = Array.from({ length: 20 }, (_, n) => entry(`d${n}`, 101));
    expect(backlogs.admit(all)).toHaveLength(12);
    expect(backlogs.firsts).toHaveLength(8);
  });
});

describe('a router with a backlog', () => {
  const late = 'late' as DpuId;
  const partition = partitionOfDpu(late, PARTITIONS);
  const other = Array.from({ length: 20 }, (_, n) => `d${n}` as DpuId).find((id) => partitionOfDpu(id, PARTITIONS) === partition) ?? late;
  const text = (atMs: number): Uint8Array => new TextEncoder().encode(JSON.stringify({ timestamp: new Date(atMs).toISOString(), direction: 1 }));
  let ports: Ports;
  beforeAll(async () => {
    ports = await memoryPorts();
  });
  afterAll(async () => ports.close());

  /** Takes one slice, and would take the next when the pause after it ends: never. */
  const router = (): Router => new Router({
    partition, partitions: PARTITIONS, readings: ports.readings, events: ports.events, history: ports.history, deadLetters: ports.deadLetters,
    topology: new TopologyHistory(), topologyReached: async () => undefined, skewMs: 60_000, fairBytes: 100, pageReadings: 10,
    timing: { ...MACHINE_TIMING, pause: async () => new Promise(() => undefined) }, newCommitId: () => String(Math.random()), storedBeforeSeq: async () => 0,
  });

  /** Until what came last is routed, or set aside. */
  async function run(running: Router, readingsSeq: number): Promise<void> {
    await running.restore();
    while (running.position.readingsSeq < readingsSeq) await running.step();
  }

  it('Q1 routes the others, holds its clock back, and goes on with the backlog when it begins anew', async () => {
    expect(other).not.toBe(late);
    for (let n = 0; n < 10; n++) await ports.readings.append(late, text(n));
    await ports.readings.append(other, text(1));
    await ports.readings.tick(partition);
    const reader = await ports.readings.open(partition, 0);
    const entries = [...await reader.next(100)];
    while (entries.length < 12) entries.push(...await reader.next(100));
    const lastSeq = entries.at(-1)?.seq ?? 0;

    const first = router();
    await run(first, lastSeq);
    const { backlogs: [backlog], counters, clockMs } = first.position;
    expect(backlog?.[0]).toBe(`readings.${partition}.late.readings`);
    const set = entries.filter(({ seq: at, subject }) => subject === backlog?.[0] && at >= backlog[1]);
    expect(set.length).toBeGreaterThan(0);
    expect(counters.fresh).toBe(11 - set.length);
    expect(clockMs).toBeLessThanOrEqual(set[0]?.timeMs ?? 0);
    expect(first.behind).toBe(set.length);
    await first.stop();

    // Each new one takes a slice; none takes anything twice.
    for (let lives = 0; lives < 10; lives++) {
      const next = router();
      await next.restore();
      await ports.readings.tick(partition);
      await next.step();
      await next.stop();
      if (next.position.backlogs.length > 0) continue;
      expect(next.position.counters).toMatchObject({ received: 11, fresh: 11, duplicate: 0 });
      return;
    }
    expect.unreachable('the backlog is not done');
  });
});
