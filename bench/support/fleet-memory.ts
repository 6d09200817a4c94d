// The memory of a service and its engines over time.
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from './process-usage.ts';

const EVERY_MS = 5_000;

export interface MemoryLook {
  readonly service: number;
  readonly heap: number;
  readonly nats: number;
  readonly clickhouse: number;
}

const FIELDS = ['service', 'heap', 'nats', 'clickhouse'] as const;

/** Looks until it is stopped, and remembers what it saw since the last time that it was asked. */
export class MemoryWatch {
  readonly #look: () => Promise<MemoryLook>;
  readonly #stopping = new AbortController();
  readonly #over: Promise<void>;
  #seen: MemoryLook[] = [];

  constructor(url: string, pids: Readonly<Record<'service' | 'nats-server' | 'ClickHouse', number>>) {
    this.#look = async () => ({
      service: await residentBytes(pids.service),
      heap: Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]),
      nats: await residentBytes(pids['nats-server']),
      clickhouse: await residentBytes(pids.ClickHouse),
    });
    this.#over = this.#watch();
  }

  /**
   * The least of each figure since the last call: what is only garbage does not raise it, and a leak does. NaN if it did
   * not look meanwhile.
   */
  least(): MemoryLook {
    const [service, heap, nats, clickhouse] = FIELDS.map((field) =>
      this.#seen.length === 0 ? NaN : Math.min(...this.#seen.map((look) => look[field])),
    ) as [number, number, number, number];
    this.#seen = [];
    return { service, heap, nats, clickhouse };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#over;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const seen = await this.#look().catch(() => undefined);
      if (seen) this.#seen.push(seen);
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
