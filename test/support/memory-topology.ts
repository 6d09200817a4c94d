// A topology service on a log in memory that never fails.
import type { TopologyEntry } from '../../src/domain/topology.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { TopologyService, type PayloadsReadTo } from '../../src/topology/topology-service.ts';

export interface MemoryTopology {
  readonly topology: TopologyService;
  readonly entries: readonly TopologyEntry[];
  /** Called before each append; may throw, or write itself. */
  onAppend: () => void | Promise<void>;
  /** For who has pushed an entry. */
  readonly wake: () => void;
}

export function memoryTopology(nowMs: () => number = () => 0, payloadsReadTo?: PayloadsReadTo): MemoryTopology {
  const entries: TopologyEntry[] = [];
  let wake = (): void => undefined;
  const memory: MemoryTopology = {
    entries,
    onAppend: () => undefined,
    wake: () => wake(),
    topology: new TopologyService(
      {
        open: async () => {
          let at = 0;
          const next = async (): Promise<TopologyEntry[]> => {
            while (entries.length === at) await new Promise<void>((resolve) => (wake = resolve));
            const some = entries.slice(at);
            at = entries.length;
            return some;
          };
          return { next, close: async () => undefined };
        },
        at: async (seq) => entries[seq - 1]?.fact,
        damageAt: async () => undefined,
        append: async (fact, expectedSeq) => {
          await memory.onAppend();
          if (entries.length !== expectedSeq) return undefined;
          // As it comes back from NATS.
          entries.push({ seq: expectedSeq + 1, fact: JSON.parse(JSON.stringify(fact)) as typeof fact });
          wake();
          return expectedSeq + 1;
        },
        lastSeq: async () => entries.length,
      },
      nowMs,
      () => undefined,
      MACHINE_TIMING,
      payloadsReadTo,
    ),
  };
  void memory.topology.follow();
  return memory;
}
