// Ports that record metrics, so that neither the shards nor the NATS and ClickHouse clients need to know about metrics.
import type { Metrics } from '../metrics.ts';
import type { DeadLetters } from '../ports/dead-letters.ts';
import type { History } from '../ports/history.ts';

export function observedHistory(history: History, metrics: Metrics): History {
  return replacing(history, {
    storeBlock: async (block) => {
      const startedAt = performance.now();
      const seconds = (): number => (performance.now() - startedAt) / 1_000;
      metrics.blockAttempted(block.partition, block.number);
      try {
        await history.storeBlock(block);
      } catch (error) {
        metrics.blockFailed(block.partition, seconds());
        throw error;
      }
      metrics.blockStored(block.partition, block.rows.length, seconds());
    },
  });
}

export function observedDeadLetters(deadLetters: DeadLetters, metrics: Metrics): DeadLetters {
  return replacing(deadLetters, {
    store: async (letters) => {
      await deadLetters.store(letters);
      metrics.deadLettersStored(letters);
    },
  });
}

/** The same object with some methods replaced. Uses a proxy, because a derived object lacks the private fields of the class. */
export function replacing<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get: (target, key) => {
      const replaced: unknown = Reflect.get(methods, key);
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
