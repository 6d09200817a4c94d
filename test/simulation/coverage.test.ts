// What the DPUs of the suite's seeds send. Which faults and cases the seeds contain is in simulation.test.ts, which runs them.
import { describe, expect, it } from 'vitest';
import { addTo } from '../../src/domain/lists.ts';
import { COVERED_SEEDS } from './coverage.ts';
import { drawScenario } from './draw-scenario.ts';

interface Item {
  readonly timestamp?: string;
  readonly direction?: number;
  readonly id?: string;
}

/** The payloads of each DPU of a scenario, in order. */
function itemsOf(seed: number): Item[][] {
  const byDpu = new Map<string, Item[]>();
  for (const action of drawScenario(seed).actions) {
    if (action.kind !== 'publish' || !/^(\{|\[\{).*[}\]]$/.test(action.text)) continue;
    for (const item of [JSON.parse(action.text)].flat() as (Item | 0 | null)[])
      if (item) addTo(byDpu, action.dpuId, item);
  }
  return [...byDpu.values()];
}

const PAIRS: Readonly<Record<string, (a: Item, b: Item) => boolean>> = {
  'a named reading is sent again': (a, b) =>
    a.id === b.id && a.timestamp === b.timestamp && a.direction === b.direction,
  'an id is used again at another time': (a, b) => a.id === b.id && a.timestamp !== b.timestamp,
  'an id is used again for the other direction': (a, b) =>
    a.id === b.id && a.timestamp === b.timestamp && a.direction !== b.direction,
  'the same without the id': (a, b) => b.id === undefined && a.timestamp === b.timestamp && a.direction === b.direction,
  'the same with another id': (a, b) =>
    b.id !== undefined && a.id !== b.id && a.timestamp === b.timestamp && a.direction === b.direction,
};

describe('simulation', () => {
  it.each(Object.entries(PAIRS))(`S3 a third of the first ${COVERED_SEEDS} seeds: %s`, (_, isPair) => {
    const having = Array.from({ length: COVERED_SEEDS }, (_unused, n) => itemsOf(n + 1)).filter((dpus) =>
      dpus.some((items) =>
        items.some((a, at) => a.id !== undefined && items.some((b, other) => other !== at && isPair(a, b))),
      ),
    );
    expect(having.length).toBeGreaterThan(COVERED_SEEDS / 3);
  });
});
