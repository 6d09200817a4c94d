import type { Partition } from '../domain/ids.ts';
import type { TopologyService } from './topology-service.ts';

/** Records which entry of the topology log each router waits for, so that health can report a router that is stuck. */
export class AwaitedTopology {
  readonly #topology: Pick<TopologyService, 'history' | 'reached'>;
  readonly #awaited = new Map<Partition, number>();

  constructor(topology: Pick<TopologyService, 'history' | 'reached'>) {
    this.#topology = topology;
  }

  /** The sequence that a router waits for; undefined if it does not wait. */
  of(router: Partition): number | undefined {
    return this.#awaited.get(router);
  }

  /** Resolves when the topology of this process has reached a sequence. */
  async reached(router: Partition, seq: number): Promise<void> {
    if (seq > this.#topology.history.seq) this.#awaited.set(router, seq);
    await this.#topology.reached(seq);
    this.#awaited.delete(router);
  }
}
