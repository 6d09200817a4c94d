// A burst of one DPU shares the router with the other DPUs, and every item is consumed once.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumedThrough, type WaitingRange } from '../../src/domain/commit.ts';
import type { DpuId } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { FairQueue } from '../../src/router/fair-queue.ts';
import type { Slice } from '../../src/router/message.ts';
import type { Router } from '../../src/router/router.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { routerOn } from '../support/router-on.ts';

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

interface Turn {
  readonly reads: number;
  readonly isBehind: boolean;
  readonly restarts: boolean;
}

const NOTHING = { readingsSeq: 0, waiting: [] };
const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 26, 12);

interface Sent {
  readonly dpu: string;
  readonly items: number;
  /** How long ago the first reading happened when the message was stored. */
  readonly ageMs?: number;
  readonly kind?: 'readings' | 'heartbeat';
}

/** A log that is shared with other partitions, so sequences have gaps. */
function logOf(...messages: readonly Sent[]): StoredEntry[] {
  return messages.map(({ dpu, items, ageMs = 0, kind = 'readings' }, at) => {
    const timeMs = NOW_MS + at;
    return {
      seq: 3 * at + 1,
      timeMs,
      subject: `readings.0.${dpu}.${kind}`,
      data: encode(Array.from({ length: items }, () => ({ timestamp: new Date(timeMs - ageMs).toISOString() }))),
    };
  });
}

const message = (dpu: string, items: number, ageMs = 0): Sent => ({ dpu, items, ageMs });
const sizes = (slices: readonly Slice[]): [dpu: string, items: number][] =>
  slices.map(({ message: { entry }, from, to }) => [entry.subject.split('.')[2] ?? '', to - from]);
const itemsOf = (slices: readonly Slice[]): number => slices.reduce((sum, { from, to }) => sum + to - from, 0);
const isReturn = ({ data, timeMs }: StoredEntry): boolean => {
  const [first] = JSON.parse(new TextDecoder().decode(data)) as { timestamp: string }[];
  return first !== undefined && timeMs - Date.parse(first.timestamp) > 60_000;
};

describe('the queue of a router', () => {
  it('Q1 a DPU within its share goes first, and what another sends beyond its share is sliced', () => {
    const queue = new FairQueue(100, NOTHING);
    queue.put(logOf(message('a', 20), message('a', 20), message('b', 3), message('a', 50), message('c', 5)));
    expect(sizes(queue.take(false))).toEqual([
      ['a', 20],
      ['b', 3],
      ['c', 5],
      ['a', 20],
    ]);
    expect(queue.waiting).toEqual([{ subject: null, fromSeq: 10, toSeq: 10, index: 0 }]);
    expect(queue.readingsSeq).toBe(13);
    // The clock waits too, so that no item of it becomes late.
    expect(queue.clockMs).toBe(NOW_MS + 3);
    expect(sizes(queue.take(false))).toEqual([['a', 20]]);
    expect(queue.waiting).toEqual([{ subject: null, fromSeq: 10, toSeq: 10, index: 20 }]);
  });

  it('T30 what has just happened goes ahead of what thousands send that return after an outage', () => {
    const queue = new FairQueue(1_000, NOTHING);
    const returns = Array.from({ length: 3_000 }, (_, n) => message(`r${n}`, 60, HOUR_MS));
    queue.put(logOf(...returns, message('live', 1)));
    expect(sizes(queue.take(false))).toEqual([
      ['live', 1],
      ['r0', 60],
      ['r1', 60],
      ['r2', 60],
      ['r3', 20],
    ]);
    expect(queue.waiting).toEqual([{ subject: null, fromSeq: 10, toSeq: 8_998, index: 20 }]);
    expect(queue.clockMs).toBe(NOW_MS + 3);
  });

  it('T30 what returns has a fifth of each commit while something else comes, and all of it otherwise', () => {
    const queue = new FairQueue(100, NOTHING);
    queue.put(logOf(...Array.from({ length: 50 }, (_, n) => message(`r${n}`, 60, HOUR_MS))));
    expect(itemsOf(queue.take(false))).toBe(100);
    expect(itemsOf(queue.take(true))).toBe(20);
    queue.put(logOf(...Array.from({ length: 250 }, (_, n) => message(`d${n}`, 1))));
    for (let takes = 0; takes < 3; takes++) {
      const slices = sizes(queue.take(false));
      expect(slices.filter(([dpu]) => dpu.startsWith('d'))).toHaveLength(80);
      expect(slices.filter(([dpu]) => dpu.startsWith('r')).reduce((sum, [, items]) => sum + items, 0)).toBe(20);
    }
    const later = Array.from({ length: 10 }, () => itemsOf(queue.take(false)));
    expect(later).toEqual([30, 20, 20, 20, 20, 20, 20, 20, 20, 100]);
  });

  it('T30 what has just happened passes however many ranges wait', () => {
    const queue = new FairQueue(100, NOTHING, undefined, 2);
    queue.put(
      logOf(
        ...[message('r0', 60, HOUR_MS), message('a', 1), message('r1', 60, HOUR_MS), message('b', 1)],
        ...[message('c', 1), message('r2', 60, HOUR_MS), message('d', 1)],
      ),
    );
    const first = queue.take(false);
    expect(queue.waiting.length).toBeLessThanOrEqual(3);
    expect(sizes(first).slice(0, 3)).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    // The third of those that return would begin another range, so the log is consumed in order.
    expect(sizes(first).slice(3)).toEqual([
      ['r0', 49],
      ['r0', 11],
      ['r1', 37],
    ]);
  });

  it('Q1 after a restart the clock reaches what was read before, once nothing of it waits', () => {
    const log = logOf(message('r', 60, HOUR_MS), message('a', 1));
    const waiting = [{ subject: null, fromSeq: 1, toSeq: 1, index: 20 }];
    const queue = new FairQueue(100, { readingsSeq: 4, waiting });
    queue.put(log);
    expect(queue.clockMs).toBe(NOW_MS);
    expect(sizes(queue.take(false))).toEqual([['r', 40]]);
    expect([queue.readingsSeq, queue.clockMs]).toEqual([4, NOW_MS + 1]);
  });

  it('Q1 what waits is served round robin, with few messages consumed in part', () => {
    const queue = new FairQueue(100, NOTHING);
    const many = ['a', 'b', 'c'].flatMap((dpu) => Array.from({ length: 20 }, () => message(dpu, 20, HOUR_MS)));
    queue.put(logOf(...many));
    const consumed = { a: 0, b: 0, c: 0 };
    while (!queue.isEmpty) {
      for (const [dpu, items] of sizes(queue.take(false))) consumed[dpu as 'a' | 'b' | 'c'] += items;
      const [least, most] = [Math.min(...Object.values(consumed)), Math.max(...Object.values(consumed))];
      expect(most - least).toBeLessThanOrEqual(100);
      expect(queue.waiting.filter(({ index }) => index > 0).length).toBeLessThanOrEqual(1);
    }
    expect(consumed).toEqual({ a: 400, b: 400, c: 400 });
  });

  it('Q1 a heartbeat does not overtake readings of its DPU', () => {
    const queue = new FairQueue(100, NOTHING);
    queue.put(logOf(message('a', 150, HOUR_MS), { dpu: 'a', items: 1, kind: 'heartbeat' }));
    expect(sizes(queue.take(false))).toEqual([['a', 100]]);
  });

  it('Q1 what waits was named by its subject in earlier commits', () => {
    const log = logOf(message('a', 5, HOUR_MS), message('b', 2), message('a', 3), message('b', 1));
    const waiting = [{ subject: 'readings.0.a.readings', fromSeq: 1, toSeq: 7, index: 2 }];
    const queue = new FairQueue(100, { readingsSeq: 7, waiting });
    queue.put(log);
    expect(sizes(queue.take(false))).toEqual([
      ['b', 1],
      ['a', 3],
      ['a', 3],
    ]);
  });

  const sent = fc.record({
    dpu: fc.constantFrom(...Array.from({ length: 12 }, (_, n) => `d${n}`)),
    items: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 3 }) }, fc.nat({ max: 60 })),
    ageMs: fc.constantFrom(0, 0, 0, HOUR_MS),
    kind: fc.constantFrom('readings' as const, 'readings' as const, 'heartbeat' as const),
  });
  const turns = fc.infiniteStream(
    fc.record<Turn>({ reads: fc.nat({ max: 25 }), isBehind: fc.boolean(), restarts: fc.boolean() }),
  );

  it('Q1, T30 consumes every item once, in the order of its DPU, and resumes after the last commit', () => {
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 80 }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(1, 2, 5, 8_192),
        turns,
        (messages, commitItems, rangesMax, more) => {
          const log = logOf(...messages);
          const consumed = new Map<string, string[]>();
          let [queue, read, idle] = [new FairQueue(commitItems, NOTHING, undefined, rangesMax), 0, 0];
          while (read < log.length || !queue.isEmpty) {
            const { reads, isBehind, restarts } = more.next().value as Turn;
            queue.put(log.slice(read, (read += reads)));
            const slices = queue.take(isBehind);
            for (const { message: taken, from, to } of slices) {
              const [, , dpu = ''] = taken.entry.subject.split('.');
              const own = consumed.get(dpu) ?? [];
              for (let index = from; index < to; index++) own.push(`${taken.entry.seq} ${index}`);
              consumed.set(dpu, own);
            }
            expect(itemsOf(slices)).toBeLessThanOrEqual(Math.max(2, commitItems));
            // Each commit consumes a part of what waits, so all of it ends.
            idle = slices.length === 0 ? idle + 1 : 0;
            expect(idle === 0 || queue.isEmpty).toBe(true);
            expect(queue.waiting.length).toBeLessThanOrEqual(rangesMax + 1);
            const first = log.find((entry) => isWaitingIn(queue.waiting, entry));
            expect(queue.clockMs).toBeLessThanOrEqual(first?.timeMs ?? Infinity);
            if (restarts) [queue, read] = restarted(queue, log, commitItems, rangesMax);
          }
          const all = new Map<string, string[]>();
          for (const [at, { dpu, items }] of messages.entries()) {
            const own = Array.from({ length: items }, (_, index) => `${log[at]?.seq} ${index}`);
            all.set(dpu, [...(all.get(dpu) ?? []), ...own]);
          }
          for (const [dpu, items] of all) expect(consumed.get(dpu) ?? []).toEqual(items);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('T30 nothing that returns is consumed before something of a DPU that was not out', () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 80 }), fc.nat({ max: 80 }), (messages, readFirst) => {
        const log = logOf(...messages);
        const queue = new FairQueue(100_000, NOTHING);
        queue.put(log.slice(0, readFirst));
        const slices = queue.take(false);
        queue.put(log.slice(readFirst));
        const out = new Set(log.filter(isReturn).map(dpuIn));
        for (const taken of [slices, queue.take(false)]) {
          const consumed = taken.map(({ message: { entry } }) => entry);
          const firstReturn = consumed.findIndex(isReturn);
          if (firstReturn >= 0)
            expect(
              consumed
                .slice(firstReturn)
                .map(dpuIn)
                .filter((dpu) => !out.has(dpu)),
            ).toEqual([]);
          slices.push(...taken);
        }
        const consumed = new Set(slices.map(({ message: { entry } }) => entry.seq));
        expect(log.filter((entry) => !out.has(dpuIn(entry)) && !consumed.has(entry.seq))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

const dpuIn = ({ subject }: StoredEntry): string => subject.split('.')[2] ?? '';

function isWaitingIn(waiting: readonly WaitingRange[], { seq, subject }: StoredEntry): boolean {
  return waiting.some(
    (range) => range.fromSeq <= seq && seq <= range.toSeq && (range.subject === null || range.subject === subject),
  );
}

/** Restores the queue from the last commit, as a router does. */
function restarted(
  before: FairQueue,
  log: readonly StoredEntry[],
  commitItems: number,
  rangesMax: number,
): [FairQueue, number] {
  const { readingsSeq, waiting } = before;
  const queue = new FairQueue(commitItems, { readingsSeq, waiting }, undefined, rangesMax);
  const consumedSeq = consumedThrough({ readingsSeq, waiting });
  queue.put(log.filter(({ seq }) => consumedSeq < seq && seq <= readingsSeq));
  expect(queue.waiting).toEqual(waiting);
  return [queue, log.filter(({ seq }) => seq <= readingsSeq).length];
}

describe('a router with a backlog', () => {
  const late = 'late' as DpuId;
  const partition = partitionOfDpu(late, PARTITIONS);
  const other =
    Array.from({ length: 20 }, (_, n) => `d${n}` as DpuId).find((id) => partitionOfDpu(id, PARTITIONS) === partition) ??
    late;
  const reading = (atMs: number): object => ({ timestamp: new Date(atMs).toISOString(), direction: 1 });
  let ports: Ports;
  beforeAll(async () => {
    ports = await memoryPorts();
  });
  afterAll(async () => ports.close());

  const router = (): Router =>
    routerOn(ports, partition, {
      times: { latestOf: ({ timeMs }) => timeMs + 60_000, earliestMs: 0 },
      commitItems: 4,
      newCommitId: () => String(Math.random()),
    });

  it('Q1 routes the other DPUs, holds its clock back, and resumes in the middle of a message after a restart', async () => {
    expect(other).not.toBe(late);
    await ports.readings.append(late, encode(Array.from({ length: 10 }, (_, n) => reading(n))));
    await ports.readings.append(other, encode(reading(1)));
    await ports.readings.tick(partition);
    const reader = await ports.readings.open(partition, 0);
    const entries = [...(await reader.next(100))];
    while (entries.length < 3) entries.push(...(await reader.next(100)));
    await reader.close();
    const [first, , last] = entries;

    const running = router();
    await running.restore();
    while (running.committed.readingsSeq < (last?.seq ?? 0)) await running.step();
    const {
      waiting: [waiting],
      counters,
      clockMs,
    } = running.committed;
    expect(waiting).toMatchObject({ fromSeq: first?.seq, toSeq: first?.seq });
    expect(waiting?.index).toBeGreaterThan(0);
    expect(counters.fresh).toBe((waiting?.index ?? 0) + 1);
    expect(clockMs).toBeLessThanOrEqual(first?.timeMs ?? 0);
    await running.stop();

    // Each new router consumes one slice and resumes after the slices of its predecessors.
    await ports.readings.append(late, encode(Array.from({ length: 10 }, (_, n) => reading(n))));
    for (let lives = 0; lives < 20; lives++) {
      const next = router();
      await next.restore();
      const before = consumedThrough(next.committed);
      await next.step();
      await next.stop();
      // READINGS is kept from there on until the commit is stored.
      expect(next.committed.previousReadingsSeq).toBe(before);
      if (next.committed.counters.received < 21) continue;
      expect(next.committed.counters).toMatchObject({ received: 21, fresh: 11, duplicate: 10 });
      return;
    }
    expect.unreachable('the backlog does not end');
  });

  it('T30 asks history about all DPUs that wait at once', async () => {
    const { readings } = ports;
    const dpus = Array.from({ length: 40 }, (_, n) => `out${n}` as DpuId).filter(
      (id) => partitionOfDpu(id, PARTITIONS) === partition,
    );
    for (const dpu of dpus) await readings.append(dpu, encode([reading(1), reading(2)]));
    const asked: string[] = [];
    const running = routerOn(ports, partition, {
      times: { latestOf: ({ timeMs }) => timeMs + 60_000, earliestMs: 0 },
      commitItems: 4,
      newCommitId: () => String(Math.random()),
      history: Object.assign(Object.create(ports.history) as typeof ports.history, {
        newestReadings: async (dpuIds: readonly DpuId[]) => {
          asked.push(...dpuIds);
          questions += 1;
          return ports.history.newestReadings(dpuIds);
        },
      }),
    });
    let questions = 0;
    await running.restore();
    const before = running.committed.counters.received;
    while (running.committed.counters.received < before + 2 * dpus.length) await running.step();
    await running.stop();
    expect(dpus.length).toBeGreaterThan(5);
    expect(asked.filter((dpu) => dpu.startsWith('out')).toSorted()).toEqual(dpus.toSorted());
    expect(questions).toBeLessThanOrEqual(2);
  });

  it('commits while payloads keep coming, each of which has to wait for the topology', async () => {
    const device = other;
    let payloads = 0;
    const send = async (): Promise<void> => {
      payloads += 1;
      await ports.readings.appendPayload(device, 'mapping', encode({ payloads }));
    };
    const running = routerOn(ports, partition, {
      times: { latestOf: ({ timeMs }) => timeMs + 60_000, earliestMs: 0 },
      commitItems: 4,
      newCommitId: () => String(Math.random()),
      topologyCaughtUp: async () => (payloads < 1_000 ? send() : undefined),
    });
    await running.restore();
    await send();
    const before = running.committed.commitId;
    while (running.committed.commitId === before) await running.step();
    await running.stop();
    expect(payloads).toBeLessThan(10);
  });
});
