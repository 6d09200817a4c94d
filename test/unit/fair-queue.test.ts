// A burst of one DPU shares the router with the other DPUs, and every item is consumed once.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backlog } from '../../src/domain/commit.ts';
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

/** A log of messages, given as subjects and numbers of items. */
function logOf(...messages: readonly (readonly [subject: string, items: number])[]): StoredEntry[] {
  return messages.map(([subject, items], at) => ({
    seq: at + 1,
    timeMs: 1_001 + at,
    subject,
    data: encode(Array.from({ length: items }, (_, n) => n)),
  }));
}

const sizes = (slices: readonly Slice[]): [seq: number, items: number][] =>
  slices.map(({ message, from, to }) => [message.entry.seq, to - from]);
const itemsOf = (slices: readonly Slice[]): number => slices.reduce((sum, { from, to }) => sum + to - from, 0);

describe('the queue of a router', () => {
  it('Q1 a DPU within its share goes first, and what another sends beyond its share is sliced', () => {
    const queue = new FairQueue(100, 0);
    queue.put(logOf(['a', 20], ['a', 20], ['b', 3], ['a', 500], ['c', 5]));
    expect(sizes(queue.take(false))).toEqual([
      [1, 20],
      [3, 3],
      [5, 5],
      [2, 20],
      [4, 52],
    ]);
    expect(queue.backlogs).toEqual([{ subject: 'a', seq: 4, index: 52 }]);
    expect(queue.readingsSeq).toBe(5);
    // The clock waits for the backlog, so that no item of it becomes late.
    expect(queue.clockMs).toBe(1_004);
  });

  it('Q1 a single backlog gets the whole commit, or at least its share while there is more to read', () => {
    const queue = new FairQueue(100, 0);
    queue.put(logOf(['a', 1_000]));
    expect(itemsOf(queue.take(false))).toBe(100);
    expect(itemsOf(queue.take(true))).toBe(20);
    queue.put(logOf(...Array.from({ length: 200 }, (_, n) => [`d${n}`, 1] as const)));
    const slices = queue.take(false);
    expect([itemsOf(slices.filter(({ message }) => message.entry.subject === 'a')), itemsOf(slices)]).toEqual([
      20, 100,
    ]);
  });

  it('Q1 backlogs are served round robin', () => {
    const queue = new FairQueue(100, 0);
    queue.put(logOf(['a', 500], ['b', 500], ['c', 26]));
    expect(sizes(queue.take(false))).toEqual([
      [1, 34],
      [2, 34],
      [3, 26],
      [1, 6],
    ]);
    expect(sizes(queue.take(false))).toEqual([
      [2, 50],
      [1, 50],
    ]);
  });

  it('Q1 when every DPU has a backlog, they are consumed in the order of the log', () => {
    const queue = new FairQueue(100, 0);
    queue.put(logOf(...Array.from({ length: 40 }, (_, n) => [`d${n}`, 30] as const)));
    queue.take(false);
    expect(queue.backlogs.length).toBeLessThanOrEqual(8);
    for (let takes = 0; !queue.isEmpty; takes++) {
      expect(itemsOf(queue.take(false))).toBeGreaterThan(0);
      expect(queue.backlogs.length).toBeLessThanOrEqual(8);
      expect(takes).toBeLessThan(40);
    }
  });

  it('Q1 consumes every item once, in the order of its DPU, and resumes after the last commit', () => {
    const message = fc.tuple(
      fc.constantFrom(...Array.from({ length: 12 }, (_, n) => `d${n}`)),
      fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 3 }) }, fc.nat({ max: 60 })),
    );
    const turns = fc.infiniteStream(
      fc.record({ reads: fc.nat({ max: 25 }), isBehind: fc.boolean(), restarts: fc.boolean() }),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 80 }),
        fc.integer({ min: 1, max: 50 }),
        turns,
        (messages, commitItems, more) => {
          const log = logOf(...messages);
          const consumed = new Map<string, string[]>();
          let [queue, read, idle] = [new FairQueue(commitItems, 0), 0, 0];
          while (read < log.length || !queue.isEmpty) {
            const { reads, isBehind, restarts } = more.next().value as Turn;
            queue.put(log.slice(read, (read += reads)));
            const slices = queue.take(isBehind);
            for (const {
              message: { entry },
              from,
              to,
            } of slices) {
              const own = consumed.get(entry.subject) ?? [];
              for (let index = from; index < to; index++) own.push(`${entry.seq} ${index}`);
              consumed.set(entry.subject, own);
            }
            expect(itemsOf(slices)).toBeLessThanOrEqual(
              Math.max(commitItems, Math.ceil(commitItems * 0.8) + Math.ceil(commitItems * 0.2)),
            );
            idle = slices.length === 0 ? idle + 1 : 0;
            expect(idle === 0 || queue.isEmpty).toBe(true);
            if (restarts) [queue, read] = restarted(queue, log, commitItems);
          }
          const all = new Map<string, string[]>();
          for (const { seq, subject } of log)
            all.set(subject, [
              ...(all.get(subject) ?? []),
              ...Array.from({ length: messages[seq - 1]?.[1] ?? 0 }, (_, index) => `${seq} ${index}`),
            ]);
          for (const [subject, items] of all) expect(consumed.get(subject) ?? []).toEqual(items);
        },
      ),
      { numRuns: 400 },
    );
  });
});

const bySubject = (backlogs: readonly Backlog[]): Backlog[] =>
  [...backlogs].sort((a, b) => (a.subject < b.subject ? -1 : 1));

/** Restores the queue from the last commit, as a router does. */
function restarted(before: FairQueue, log: readonly StoredEntry[], commitItems: number): [FairQueue, number] {
  const { readingsSeq, backlogs } = before;
  const queue = new FairQueue(commitItems, readingsSeq);
  for (const entry of log) {
    const backlog = backlogs.find(({ subject }) => subject === entry.subject);
    if (backlog && entry.seq >= backlog.seq && entry.seq <= readingsSeq)
      queue.resume(entry, entry.seq === backlog.seq ? backlog.index : 0);
  }
  // The restored queue may serve another DPU next.
  expect(bySubject(queue.backlogs)).toEqual(bySubject(backlogs));
  return [queue, readingsSeq];
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
      backlogs: [backlog],
      counters,
      clockMs,
    } = running.committed;
    expect(backlog).toMatchObject({ subject: `readings.${partition}.late.readings`, seq: first?.seq });
    expect(backlog?.index).toBeGreaterThan(0);
    expect(counters.fresh).toBe((backlog?.index ?? 0) + 1);
    expect(clockMs).toBeLessThanOrEqual(first?.timeMs ?? 0);
    await running.stop();

    // Each new router consumes one slice and resumes after the slices of its predecessors.
    await ports.readings.append(late, encode(Array.from({ length: 10 }, (_, n) => reading(n))));
    for (let lives = 0; lives < 20; lives++) {
      const next = router();
      await next.restore();
      await next.step();
      await next.stop();
      if (next.committed.counters.received < 21) continue;
      expect(next.committed.counters).toMatchObject({ received: 21, fresh: 11, duplicate: 10 });
      return;
    }
    expect.unreachable('the backlog does not end');
  });
});
