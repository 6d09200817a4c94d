// The cost of the feed of live changes for the fold of a partition: without a feed, with one without listeners, and
// with one that has a listener for all spaces. Measured in CPU time, and in alternating rounds, so that other load on
// the machine matters little.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { PartitionFold } from '../actors/partition/partition-fold.ts';
import type { DoorwayId, DpuId, SpaceId } from '../src/domain/ids.ts';
import type { StoredEntry } from '../src/domain/log-entry.ts';
import type { SpaceEvent } from '../src/domain/space-event.ts';
import { DEFAULT_SETTINGS } from '../src/domain/topology.ts';
import { TopologyHistory } from '../src/domain/topology-history.ts';
import { PartitionFeed } from '../src/live/partition-feed.ts';
import { logOfOneRouter, ROUTER } from '../test/support/log-of-one-router.ts';
import { ALWAYS_FRESH } from '../test/support/always-fresh.ts';
import { MemoryChangeChannel } from '../test/support/memory-change-channel.ts';
import { machine, printLine } from './support/output.ts';
import { median } from './support/statistics.ts';
import { personEvent } from '../test/support/person-event.ts';

const [COMMITS, EVENTS_PER_COMMIT, SPACES, ROUNDS] = [400, 500, 200, 9];
const START_MS = Date.UTC(2026, 0, 1);

function logOf(): StoredEntry[] {
  let n = 0;
  return logOfOneRouter(
    Array.from({ length: COMMITS }, (_, commit) => {
      const clockMs = START_MS + commit * 1_000;
      const events = Array.from({ length: EVENTS_PER_COMMIT }, (_, at): SpaceEvent => {
        const spaceId = (1 + ((n++ * 7) % SPACES)) as SpaceId;
        const direction = n % 3 === 0 ? -1 : 1;
        return personEvent(
          {
            spaceId,
            dpuId: `dpu-${spaceId}` as DpuId,
            doorwayId: spaceId as number as DoorwayId,
            timestampMs: clockMs + at,
            sign: 1,
            primary: true,
          },
          direction,
        );
      });
      return { events, clockMs };
    }),
    DEFAULT_SETTINGS,
  );
}

type Feed = 'no feed' | 'nobody listens' | 'all spaces are listened to';

async function fold(entries: readonly StoredEntry[], kind: Feed): Promise<number> {
  const partition = new PartitionFold(ROUTER, 1);
  const channel = new MemoryChangeChannel();
  const feed =
    kind === 'no feed'
      ? undefined
      : new PartitionFeed({
          fold: partition,
          channel,
          now: Date.now,
          topology: new TopologyHistory(),
          freshness: ALWAYS_FRESH,
        });
  if (kind === 'all spaces are listened to')
    await feed?.answer({ all: true, spaceIds: [], epochMin: 0, isRenewal: false, after: null });
  const before = process.cpuUsage();
  for (const [at, entry] of entries.entries()) {
    partition.apply(entry);
    // Lets timers run, as in the service.
    if (at % 8 === 0) await yieldToEventLoop();
  }
  const { user, system } = process.cpuUsage(before);
  feed?.close();
  return (user + system) / 1_000;
}

const entries = logOf();
const taken = new Map<Feed, number[]>([
  ['no feed', []],
  ['nobody listens', []],
  ['all spaces are listened to', []],
]);
for (let round = 0; round < ROUNDS; round++) for (const [kind, times] of taken) times.push(await fold(entries, kind));
const without = median(taken.get('no feed') ?? []);
for (const [kind, times] of taken) {
  const ms = median(times);
  printLine(
    `| ${kind} | ${Math.round(((COMMITS * EVENTS_PER_COMMIT) / ms) * 1_000)}/s | ${(ms / without).toFixed(2)} |`,
  );
}
printLine(machine());
