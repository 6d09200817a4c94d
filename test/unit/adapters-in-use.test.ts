// Which adapter reads a device's payloads, and how much looking that up may ask of the log at once.
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { TopologyHistory, type TopologyView } from '../../src/domain/topology-history.ts';
import { AdaptersInUse } from '../../src/http/adapters-in-use.ts';
import type { PublishedTopics } from '../../src/ports/readings-log.ts';
import { memoryTopology } from '../support/memory-topology.ts';

const DEVICE = 'gw' as DpuId;
const NOTHING = new TopologyHistory().latest();

/** @param newest sequences by adapter; asking for any other is an error */
function logWith(topics: readonly string[], newest: Readonly<Record<string, number>> = {}): PublishedTopics {
  return {
    topicsOf: async () => [...topics],
    newestPayloadSeq: async (_, adapter) => {
      const seq = newest[adapter];
      if (seq === undefined) throw new Error(`the newest message of ${adapter} is not needed`);
      return seq;
    },
  };
}

async function adapterOf(log: PublishedTopics, view: TopologyView = NOTHING): Promise<string | null | undefined> {
  return (await new AdaptersInUse(log).of(new Set([DEVICE]), view)).get(DEVICE);
}

async function configured(): Promise<TopologyView> {
  const { topology } = memoryTopology(() => 0);
  await topology.execute({ kind: 'setAdapter', id: DEVICE, adapter: 'milesight', options: null }, 'loopback');
  return topology.history.latest();
}

describe('the adapter of a device', () => {
  it.each([
    ['its payloads, whatever else it sent', ['gw.xovis', 'gw.readings', 'gw.heartbeat'], {}, 'xovis'],
    ['its payloads with topics of their own', ['gw.roode.sensor.x.state', 'gw.roode.status'], {}, 'roode'],
    ['the newest of its payloads', ['gw.xovis', 'gw.milesight.a'], { xovis: 3, milesight: 7 }, 'milesight'],
    ['the newest of its payloads', ['gw.xovis', 'gw.milesight.a'], { xovis: 9, milesight: 7 }, 'xovis'],
    ['none, where it sends readings', ['gw.readings', 'gw.heartbeat', 'gw.nonsense'], {}, null],
    ['none, where a reading has a misspelled topic', ['gw./.reading'], {}, null],
  ] as const)('is that of %s', async (_, topics, newest, adapter) => {
    expect(await adapterOf(logWith(topics, newest))).toBe(adapter);
    if (adapter !== null) expect(await adapterOf(logWith(topics, newest), await configured())).toBe(adapter);
  });

  it('is that of its options where no message tells', async () => {
    for (const topics of [[], ['gw.heartbeat'], ['gw.nonsense']]) {
      expect(await adapterOf(logWith(topics))).toBeNull();
      expect(await adapterOf(logWith(topics), await configured())).toBe('milesight');
    }
    expect(await adapterOf(logWith(['gw.readings']), await configured())).toBeNull();
  });

  it('is looked up for all requests of a process by few questions at a time, and for too many not at all', async () => {
    let [running, most] = [0, 0];
    const answers: (() => void)[] = [];
    const adapters = new AdaptersInUse({
      ...logWith([]),
      topicsOf: async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => answers.push(resolve));
        running -= 1;
        return ['x.xovis'];
      },
    });
    const page = (from: number): Set<DpuId> =>
      new Set(Array.from({ length: 1_000 }, (_, n) => `d${from}-${n}` as DpuId));
    const requests = Array.from({ length: 5 }, async (_, n) => adapters.of(page(n), NOTHING));
    await expect(adapters.of(page(5), NOTHING)).rejects.toMatchObject({ kind: 'unavailable' });
    let hasEnded = false;
    const all = Promise.all(requests).finally(() => (hasEnded = true));
    while (!hasEnded) {
      for (const answer of answers.splice(0)) answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await all).map(({ size }) => size)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
    expect(most).toBe(16);
  });
});
