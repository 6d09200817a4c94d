// Which readings are removed after READINGS went back, when entries that nobody has routed have sequences that were
// routed before.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { markOf } from '../../src/domain/log-mark.ts';
import { allPartitions } from '../../src/domain/partition.ts';
import type { ReadingsLog } from '../../src/ports/readings-log.ts';
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
    await fill();
    for (const router of allPartitions(PARTITIONS)) await routeAll(router, 0);
  });
  afterEach(async () => ports.close());

  async function fill(): Promise<void> {
    for (let n = 0; n < ENTRIES; n++) await ports.readings.tick(0 as Partition);
  }

  /** @param lastSeq the router's last commit */
  async function routeAll(router: Partition, lastSeq: number): Promise<void> {
    const entry = await ports.readings.at(ENTRIES);
    if (!entry) throw new Error('READINGS is shorter');
    const header = commitHeader({ router, readingsSeq: ENTRIES, readingsMark: markOf(entry), previousSeq: lastSeq });
    expect(await ports.events.commit(header, new Map(), lastSeq)).toMatchObject({ kind: 'committed' });
  }

  /** It is empty, and then as long as before. */
  async function goBack(): Promise<void> {
    ports.streams.readings.loseAfter(0);
    nowMs = 2_000;
    await fill();
  }

  async function purge(readings: ReadingsLog = ports.readings): Promise<void> {
    await purgeReadings({
      ...ports,
      readings,
      partitions: PARTITIONS,
      storedBeforeSeq: async () => STORED_BEFORE,
      isInDoubt: () => isInDoubt,
      keptMs: 0,
      now: () => 3_000,
    });
  }

  it('L3 readings are kept while a router has not routed them, although another one has restarted', async () => {
    await goBack();
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
    const late: ReadingsLog['purge'] = async (...what) => {
      removals += 1;
      await goBack();
      await ports.readings.purge(...what);
    };
    await purge(
      new Proxy(ports.readings, {
        get: (log, name) => (name === 'purge' ? late : Reflect.get(log, name, log).bind(log)),
      }),
    );
    expect(removals).toBe(1);
    expect(await ports.readings.bounds()).toEqual({ firstSeq: 1, lastSeq: ENTRIES });
  });
});
