// Which readings are removed after READINGS went back, when entries that nobody has routed have sequences that were
// routed before.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { markOf } from '../../src/domain/log-mark.ts';
import { allPartitions } from '../../src/domain/partition.ts';
import { purgeReadings } from '../../src/retention/readings-retention.ts';
import { memoryPorts, PARTITIONS, type MemoryPorts } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';

const ENTRIES = 6;
/** Everything is stored in ClickHouse. */
const STORED_BEFORE = 1_000;

describe('after READINGS went back', () => {
  let ports: MemoryPorts;
  let nowMs: number;
  let isInDoubt: boolean;
  beforeEach(async () => {
    [nowMs, isInDoubt] = [1_000, false];
    ports = await memoryPorts(() => nowMs);
    fill();
    for (const router of allPartitions(PARTITIONS)) await routeAll(router, 0);
  });
  afterEach(async () => ports.close());

  function fill(): void {
    for (let n = 0; n < ENTRIES; n++)
      ports.streams.readings.append({ subject: 'readings.0.tick', data: new Uint8Array() });
  }

  /** @param lastSeq the router's last commit */
  async function routeAll(router: Partition, lastSeq: number): Promise<void> {
    const entry = await ports.readings.at(ENTRIES);
    if (!entry) throw new Error('READINGS is shorter');
    const header = commitHeader({ router, readingsSeq: ENTRIES, readingsMark: markOf(entry), previousSeq: lastSeq });
    expect(await ports.events.commit(header, new Map(), lastSeq)).toMatchObject({ kind: 'committed' });
  }

  /** It is empty, and then as long as before. */
  function goBack(): void {
    ports.streams.readings.loseAfter(0);
    nowMs = 2_000;
    fill();
  }

  async function purge(onDecided: () => void = () => undefined): Promise<void> {
    await purgeReadings({
      ...ports,
      partitions: PARTITIONS,
      storedBeforeSeq: async () => STORED_BEFORE,
      isInDoubt: () => isInDoubt,
      keptMs: 0,
      now: () => {
        onDecided();
        return 3_000;
      },
    });
  }

  it('L3 readings are kept while a router has not routed them, although another one has restarted', async () => {
    goBack();
    await routeAll(1 as Partition, 2);
    await purge();
    expect(await ports.readings.bounds()).toEqual({ firstSeq: 1, lastSeq: ENTRIES });
    await routeAll(0 as Partition, 1);
    await routeAll(2 as Partition, 3);
    await purge();
    expect(await ports.readings.bounds()).toEqual({ firstSeq: ENTRIES + 1, lastSeq: ENTRIES });
  });

  it('L3 nothing is removed before the logs were inspected', async () => {
    isInDoubt = true;
    await purge();
    expect(await ports.readings.bounds()).toEqual({ firstSeq: 1, lastSeq: ENTRIES });
    isInDoubt = false;
    await purge();
    expect(await ports.readings.bounds()).toEqual({ firstSeq: ENTRIES + 1, lastSeq: ENTRIES });
  });

  it('L3 a removal that was decided before arrives afterwards, and removes nothing', async () => {
    let removals = 0;
    // The clock is read once everything is decided.
    await purge(() => {
      removals += 1;
      goBack();
    });
    expect(removals).toBe(1);
    expect(await ports.readings.bounds()).toEqual({ firstSeq: 1, lastSeq: ENTRIES });
  });
});
