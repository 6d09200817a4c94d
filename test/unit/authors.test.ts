// Who made a change is stored with it, and changes nothing else.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { DEFAULT_SETTINGS, type TopologyEntry } from '../../src/domain/topology.ts';
import { changeBetween, configsOf } from '../../src/domain/topology-change.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { importTopology } from '../../src/topology/import-topology.ts';
import { repairLogs } from '../../src/recovery/repair-logs.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { memoryPorts } from '../conformance/ports.ts';
import { AUTHORS, drawnTopology } from '../support/drawn-topology.ts';
import { memoryTopology } from '../support/memory-topology.ts';
import { repairDeps } from '../support/repair-deps.ts';

const HALL = { name: 'Hall', timeZone: 'UTC', dailyReset: null, capacity: null };

function historyOf(entries: readonly TopologyEntry[]): TopologyHistory {
  const history = new TopologyHistory();
  for (const entry of entries) history.apply(entry);
  return history;
}

/** Everything that routers, folds and answers about counts take from the topology. */
function takenFrom(history: TopologyHistory): object {
  const view = history.latest();
  const [router, partitions] = [0 as Partition, 1];
  const changes = Array.from({ length: history.seq }, (_, seq) => {
    const { spans, configs, settings } = changeBetween(history, seq, seq + 1, router, partitions);
    return [[...spans], configs, settings];
  });
  return {
    changes,
    configs: configsOf(view, router, partitions),
    things: [view.spaces(), view.doorways(), view.dpus(), view.devices(), view.deletions(), view.settings()],
    ofDpus: view.dpus().map(({ id }) => [view.exclusions(id), view.excludedSpans(id), history.deviceAt(id, Infinity)]),
  };
}

describe('E4 the author of a change', () => {
  it('is stored with the time, for a single fact and for a batch', async () => {
    let nowMs = 5;
    const { topology, entries } = memoryTopology(() => nowMs++);
    await topology.execute({ kind: 'createSpace', fields: HALL }, 'token:ann');
    await topology.execute({ kind: 'changeSettings', settings: DEFAULT_SETTINGS }, 'service');
    const spaces = [1, 2].map((n) => ({ line: n, at: '', name: `space ${n}`, timeZone: 'UTC' }));
    const document = { spaces, doorways: [], dpus: [], devices: [], exclusions: [], errors: [], errorsCount: 0 };
    await importTopology(
      topology,
      { ...document, unreadable: new Set<string>() },
      { by: 'jwt:bob', now: () => 7, timing: MACHINE_TIMING, onProgress: () => undefined },
    );
    expect(entries.map(({ fact: { kind, by, atMs } }) => [kind, by, typeof atMs])).toEqual([
      ['space', 'token:ann', 'number'],
      ['settings', 'service', 'number'],
      ['batch', 'jwt:bob', 'number'],
    ]);
  });

  it('changes nothing that is counted', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.constantFrom(...AUTHORS), { minLength: 1 }), (seed, authors) => {
        const signed = historyOf(drawnTopology(seed, 20, (seq) => authors[seq % authors.length]));
        const unsigned = historyOf(drawnTopology(seed, 20, () => undefined));
        expect(takenFrom(signed)).toEqual(takenFrom(unsigned));
      }),
    );
  });

  it('does not change the digest of a log of earlier versions', () => {
    const history = historyOf([{ seq: 1, fact: { kind: 'settings', doc: DEFAULT_SETTINGS } }]);
    // As computed before authors were stored.
    expect(history.digestAt(1)).toBe(95_828_307);
  });

  it('is restored by a repair', async () => {
    const ports = await memoryPorts();
    try {
      const before = historyOf(drawnTopology(1, 10, (seq) => (seq === 2 ? undefined : AUTHORS[seq % AUTHORS.length])));
      const entries = before.entries(0, before.seq);
      await ports.recovery.copyTopology(
        entries.map((entry) => ({ ...entry, digest: before.digestAt(entry.seq) ?? 0 })),
        0,
      );
      for (const { seq, fact } of entries.slice(0, 3)) await ports.topology.append(fact, seq - 1);
      const deps = repairDeps(ports);
      await deps.catchUpTopology();
      expect((await repairLogs(deps)).topology).toEqual({ restored: entries.length - 3, lost: 0 });
      const signature = ({ fact: { by, atMs } }: TopologyEntry): unknown => [by, atMs];
      const [epoch, ...restored] = deps.topology.entries(0, deps.topology.seq).reverse();
      expect(restored.reverse().map(signature)).toEqual(entries.map(signature));
      expect(epoch?.fact).toMatchObject({ kind: 'epoch', by: 'service', atMs: 0 });
    } finally {
      await ports.close();
    }
  });
});
