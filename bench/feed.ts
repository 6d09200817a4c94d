// What the feed of live changes costs the fold of a partition: without a feed, with one that nobody listens to, and with one that
// somebody listens to for all spaces. By the time of the processor, and in rounds that alternate, so that what else
// the machine does matters little.
import { cpus } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { PartitionFold } from '../actors/shard/partition-fold.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../src/domain/ids.ts';
import { encodePosition, encodeSpaceEntry, type PositionEntry, type StoredEntry } from '../src/domain/log-entry.ts';
import type { SpaceEvent } from '../src/domain/space-event.ts';
import { DEFAULT_SETTINGS } from '../src/domain/topology.ts';
import { PartitionFeed } from '../src/live/partition-feed.ts';
import { MemoryChangeChannel } from '../test/support/memory-change-channel.ts';

const [COMMITS, EVENTS_PER_COMMIT, SPACES, ROUNDS] = [400, 500, 200, 9];
const ROUTER = 0 as Partition;
const START_MS = Date.UTC(2026, 0, 1);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function logOf(): StoredEntry[] {
  const entries: StoredEntry[] = [];
  let [previousSeq, n] = [0, 0];
  for (let commit = 0; commit < COMMITS; commit++) {
    const clockMs = START_MS + commit * 1_000;
    const events = Array.from({ length: EVENTS_PER_COMMIT }, (_, at): SpaceEvent => {
      const spaceId = 1 + (n++ * 7) % SPACES as SpaceId;
      const direction = n % 3 === 0 ? -1 : 1;
      return { spaceId, dpuId: `dpu-${spaceId}` as DpuId, doorwayId: spaceId as number as DoorwayId, timestampMs: clockMs + at, direction, delta: direction, sign: 1, primary: true };
    });
    const add = (subject: string, data: Uint8Array): number => entries.push({ seq: entries.length + 1, timeMs: clockMs, subject, data });
    add('spaces.0', encodeSpaceEntry({ events, heartbeats: [], configs: [], settings: commit === 0 ? DEFAULT_SETTINGS : undefined }));
    const position: PositionEntry = {
      kind: 'position', router: ROUTER, commitId: `c${commit}`, previousSeq, payloads: { [ROUTER]: 1 }, readingsSeq: commit, previousReadingsSeq: commit, backlogs: [], isMove: false, topologySeq: 0,
      reattribution: null, clockMs, counters: { received: 0, fresh: 0, held: 0, duplicate: 0, dead: 0 },
    };
    previousSeq = add('routers.0', encodePosition(position));
  }
  return entries;
}

type Feed = 'no feed' | 'nobody listens' | 'all spaces are listened to';

async function fold(entries: readonly StoredEntry[], kind: Feed): Promise<number> {
  const partition = new PartitionFold(0 as Partition, 1);
  const channel = new MemoryChangeChannel();
  const feed = kind === 'no feed' ? undefined : new PartitionFeed({ fold: partition, channel, readyAtSeq: 0, now: Date.now });
  if (kind === 'all spaces are listened to') feed?.answer({ all: true, spaceIds: [], epochMin: 0, isRenewal: false, after: null });
  const before = process.cpuUsage();
  for (const [at, entry] of entries.entries()) {
    partition.apply(entry);
    // Timers get their turn, as they do in the service.
    if (at % 8 === 0) await turn();
  }
  const { user, system } = process.cpuUsage(before);
  feed?.close();
  return (user + system) / 1_000;
}

const entries = logOf();
const taken = new Map<Feed, number[]>([['no feed', []], ['nobody listens', []], ['all spaces are listened to', []]]);
for (let round = 0; round < ROUNDS; round++) for (const [kind, times] of taken) times.push(await fold(entries, kind));
const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;
const without = median(taken.get('no feed') ?? []);
for (const [kind, times] of taken) {
  const ms = median(times);
  say(`| ${kind} | ${Math.round(COMMITS * EVENTS_PER_COMMIT / ms * 1_000)}/s | ${(ms / without).toFixed(2)} |`);
}
say(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, node ${process.version}`);
