// Finds the spaces that time has made due, without asking those that wait. In a large building nearly every space waits
// for a DPU that says nothing, so asking all of them several times a second costs more than all readings do.
//
// A space waits for one clock at a time, of one of its routers, and cannot be due before that clock reaches an instant.
// Then it is asked again, and may have to wait for another clock.
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { AwaitedClock, RouterClocks } from '../space/watermark.ts';

interface Wait extends AwaitedClock {
  readonly spaceId: SpaceId;
}

/** The heaps are rebuilt when they hold this many more replaced waits than current ones. */
const REPLACED_MAX = 1_024;

export class DueSpaces {
  /** The wait of each space. */
  readonly #waits = new Map<SpaceId, Wait>();
  /** By router: a binary heap by `clockMs`. Waits that were replaced stay until they are reached. */
  readonly #heaps = new Map<Partition, Wait[]>();
  #held = 0;

  /** Makes a space wait for a clock. This replaces its previous wait. */
  wait(spaceId: SpaceId, { router, clockMs }: AwaitedClock): void {
    const before = this.#waits.get(spaceId);
    // At worst the space is asked too early.
    if (before?.router === router && before.clockMs <= clockMs) return;
    const wait = { spaceId, router, clockMs };
    this.#waits.set(spaceId, wait);
    this.#push(wait);
    if (this.#held > 2 * this.#waits.size + REPLACED_MAX) this.#dropReplaced();
  }

  forget(spaceId: SpaceId): void {
    this.#waits.delete(spaceId);
  }

  clear(): void {
    this.#waits.clear();
    this.#heaps.clear();
    this.#held = 0;
  }

  /** Removes and returns the spaces whose clock has been reached, ascending. */
  take(clocks: RouterClocks): SpaceId[] {
    const taken: SpaceId[] = [];
    for (const [router, heap] of this.#heaps) {
      const reachedMs = clocks[router] ?? -Infinity;
      for (let first = heap[0]; first && first.clockMs <= reachedMs; first = heap[0]) {
        this.#held -= 1;
        removeFirst(heap);
        if (this.#waits.get(first.spaceId) !== first) continue;
        this.#waits.delete(first.spaceId);
        taken.push(first.spaceId);
      }
    }
    return taken.sort((a, b) => a - b);
  }

  #push(wait: Wait): void {
    const heap = this.#heaps.get(wait.router);
    if (heap) add(heap, wait);
    else this.#heaps.set(wait.router, [wait]);
    this.#held += 1;
  }

  #dropReplaced(): void {
    this.#heaps.clear();
    this.#held = 0;
    for (const wait of this.#waits.values()) this.#push(wait);
  }
}

function add(heap: Wait[], wait: Wait): void {
  let at = heap.length;
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt] as Wait;
    if (parent.clockMs <= wait.clockMs) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = wait;
}

function removeFirst(heap: Wait[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let childAt = 2 * at + 1;
    const [left, right] = [heap[childAt], heap[childAt + 1]];
    if (!left) break;
    if (right && right.clockMs < left.clockMs) childAt += 1;
    const child = heap[childAt] as Wait;
    if (child.clockMs >= last.clockMs) break;
    heap[at] = child;
    at = childAt;
  }
  heap[at] = last;
}
