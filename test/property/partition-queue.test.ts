// However the deliveries of the shared and of the own consumer interleave, and whatever is detached, restarted and
// purged, the queue returns the log after its opening position, each entry once, in order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { PartitionQueue } from '../../src/nats/partition-queue.ts';

/** Room for four small entries. */
const BYTES_MAX = 1_200;

const entryAt = (seq: number, bytes = 44): StoredEntry => ({
  seq,
  timeMs: seq,
  subject: 'readings.0.a.readings',
  data: new Uint8Array(bytes),
});

type Step = 'append' | 'shared' | 'own' | 'take' | 'detach' | 'shared ends' | 'shared starts' | 'purge';
const STEPS: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Step>('append', 'shared', 'own', 'take') },
  { weight: 1, arbitrary: fc.constantFrom<Step>('detach', 'shared ends', 'shared starts', 'shared starts', 'purge') },
);

/** The reader of one partition, with the two consumers as positions in one log. */
class Model {
  /** Everything ever appended, and what a purge has left of it. */
  readonly log: StoredEntry[] = [];
  #stored: StoredEntry[] = [];
  readonly taken: StoredEntry[] = [];
  readonly queue: PartitionQueue;
  joins = 0;
  /** Purged before the queue had it, so it may never be delivered. */
  readonly mayMiss = new Set<number>();
  #sharedSeq: number | undefined;
  #ownSeq = 0;
  #lastSeq = 0;
  readonly #afterSeq: number;

  constructor(afterSeq: number, sharedSeq: number) {
    this.#afterSeq = afterSeq;
    this.queue = new PartitionQueue(afterSeq, BYTES_MAX);
    this.#sharedSeq = sharedSeq;
    if (afterSeq >= sharedSeq) this.queue.follow();
    else this.#catchUp();
  }

  step(step: Step): void {
    const sourceBefore = this.queue.source;
    switch (step) {
      case 'append':
        this.#append();
        break;
      case 'shared':
        this.#deliverShared();
        break;
      case 'own':
        this.#deliverOwn();
        break;
      case 'take':
        this.taken.push(...this.queue.take(2));
        break;
      case 'detach':
        if (this.queue.source === 'shared') this.queue.detach();
        break;
      case 'shared ends':
        this.#endShared();
        break;
      case 'shared starts':
        this.#startShared();
        break;
      case 'purge':
        this.#purge();
        break;
    }
    if (this.queue.source === 'none' && this.queue.length === 0) this.#catchUp();
    if (sourceBefore === 'own' && this.queue.source === 'shared') this.joins += 1;
  }

  finish(): void {
    this.#startShared();
    // The shared consumer may have to deliver everything again, one entry per round.
    for (let round = 0; round < 2 * this.log.length + 2; round++)
      for (const step of ['own', 'shared', 'take', 'take'] as const) this.step(step);
  }

  get expected(): number[] {
    return this.log.filter(({ seq }) => seq > this.#afterSeq).map(({ seq }) => seq);
  }

  #next(afterSeq: number): StoredEntry | undefined {
    return this.#stored.find(({ seq }) => seq > afterSeq);
  }

  #append(): void {
    // Sequences in between belong to other partitions.
    const entry = entryAt((this.#lastSeq += 1 + (this.log.length % 3)));
    this.log.push(entry);
    this.#stored.push(entry);
  }

  #deliverShared(): void {
    if (this.#sharedSeq === undefined || (this.queue.source === 'shared' && this.queue.isFull)) return;
    const entry = this.#next(this.#sharedSeq);
    if (!entry) return;
    this.#sharedSeq = entry.seq;
    this.queue.fromShared(entry);
  }

  #deliverOwn(): void {
    if (this.queue.source !== 'own' || this.queue.isFull) return;
    const entry = this.#next(this.#ownSeq);
    if (!entry) return;
    this.#ownSeq = entry.seq;
    this.queue.fromOwn(entry);
  }

  #endShared(): void {
    this.#sharedSeq = undefined;
    if (this.queue.source === 'shared') this.queue.detach();
    else if (this.queue.source === 'own') this.queue.collect(false);
  }

  /** At the position of the most advanced reader of the process, which may be this one or another. */
  #startShared(): void {
    if (this.#sharedSeq !== undefined) return;
    this.#sharedSeq = this.queue.lastSeq + (this.log.length % 2) * 3;
    if (this.queue.source === 'own') this.queue.collect(true);
  }

  #purge(): void {
    const beforeSeq = this.queue.lastSeq + 3;
    for (const { seq } of this.#stored) if (seq < beforeSeq && seq > this.queue.lastSeq) this.mayMiss.add(seq);
    this.#stored = this.#stored.filter(({ seq }) => seq >= beforeSeq);
  }

  #catchUp(): void {
    this.queue.catchUp(this.#sharedSeq !== undefined);
    this.#ownSeq = this.queue.lastSeq;
  }
}

describe('the queue of a partition', () => {
  it('returns the log after its position, each entry once, in order, whichever consumer delivers it', () => {
    let joins = 0;
    fc.assert(
      fc.property(
        fc.nat(12),
        fc.nat(12),
        fc.array(STEPS, { minLength: 30, maxLength: 150 }),
        (afterSeq, sharedSeq, steps) => {
          const model = new Model(afterSeq, sharedSeq);
          for (const step of steps) model.step(step);
          model.finish();
          const taken = model.taken.map(({ seq }) => seq);
          const missing = model.expected.filter((seq) => !taken.includes(seq));
          expect(missing.filter((seq) => !model.mayMiss.has(seq))).toEqual([]);
          expect(taken).toEqual(model.expected.filter((seq) => !missing.includes(seq)));
          joins += model.joins;
        },
      ),
      { numRuns: 2_000 },
    );
    expect(joins).toBeGreaterThan(1_000);
  });

  it('joins as soon as its own consumer reaches the first entry that was collected ahead', () => {
    const queue = new PartitionQueue(0, BYTES_MAX);
    queue.catchUp(true);
    for (const seq of [5, 7]) queue.fromShared(entryAt(seq));
    queue.fromOwn(entryAt(2));
    expect(queue.source).toBe('own');
    queue.fromOwn(entryAt(5));
    expect(queue.source).toBe('shared');
    expect(queue.take(10).map(({ seq }) => seq)).toEqual([2, 5, 7]);
  });

  it("returns the shared consumer's entry, not the copy of its own consumer", () => {
    const queue = new PartitionQueue(0, BYTES_MAX);
    const shared = entryAt(5);
    queue.catchUp(true);
    queue.fromShared(shared);
    queue.fromOwn(entryAt(5));
    expect(queue.take(1)[0]).toBe(shared);
  });

  it('joins when the shared consumer reaches the entries that its own has delivered', () => {
    const queue = new PartitionQueue(0, BYTES_MAX);
    queue.catchUp(true);
    for (const seq of [2, 5]) queue.fromOwn(entryAt(seq));
    queue.fromShared(entryAt(5));
    expect(queue.source).toBe('shared');
  });

  it('drops the collected entries if there are too many, and joins at later ones', () => {
    const queue = new PartitionQueue(0, BYTES_MAX);
    queue.catchUp(true);
    for (const seq of [5, 6, 7, 8, 9]) queue.fromShared(entryAt(seq));
    queue.fromOwn(entryAt(5));
    expect(queue.source).toBe('own');
    queue.fromShared(entryAt(10));
    for (const seq of [6, 7, 8, 9, 10]) queue.fromOwn(entryAt(seq));
    expect(queue.source).toBe('shared');
    expect(queue.take(10).map(({ seq }) => seq)).toEqual([5, 6, 7, 8, 9, 10]);
  });

  it('is full by bytes, and a batch has at most about 1 MB and at least one entry', () => {
    const queue = new PartitionQueue(0, 4_000_000);
    queue.follow();
    for (let seq = 1; !queue.isFull; seq++) queue.fromShared(entryAt(seq, 600_000));
    expect(queue.length).toBe(7);
    expect(queue.take(10).map(({ seq }) => seq)).toEqual([1]);
    expect(queue.isFull).toBe(false);
    queue.fromShared(entryAt(8, 1_000));
    queue.take(5);
    expect(queue.take(0)).toEqual([]);
  });
});
