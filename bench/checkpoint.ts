// How long saving and restoring a checkpoint takes with a real nats-server, and for how long it blocks the event loop
// at a time: the longest pass, in wall-clock time and in CPU time of the thread. On a busy machine wall-clock time is
// mostly waiting for a core (the idle column shows that for a process that does nothing).
import { tmpdir } from 'node:os';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foldFromHistory, followTail } from '../actors/partition/fold-from-history.ts';
import { LogTail } from '../actors/partition/log-tail.ts';
import type { PartitionFold } from '../actors/partition/partition-fold.ts';
import { NO_MARK } from '../actors/partition/block.ts';
import { LogEpoch } from '../src/domain/log-epoch.ts';
import { encodeSnapshot } from '../actors/partition/snapshot.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../src/domain/ids.ts';
import type { SpaceConfig } from '../src/domain/commit.ts';
import { encodeCommit } from '../src/domain/commit-codec.ts';
import { loggedEvent, type LoggedEvent, type StoredEntry } from '../src/domain/log-entry.ts';
import { DEFAULT_SETTINGS } from '../src/domain/topology.ts';
import { findNatsServer } from '../src/local/nats/nats-binary.ts';
import { startNatsServer } from '../src/local/nats/nats-server.ts';
import { NatsCheckpoints } from '../src/nats/checkpoints.ts';
import { connectNats } from '../src/nats/connect.ts';
import { createStreams } from '../src/nats/streams.ts';
import type { History } from '../src/ports/history.ts';
import type { LogCursor } from '../src/ports/log.ts';
import type { SpaceEventsLog } from '../src/ports/space-events-log.ts';
import { MACHINE_TIMING, TURN_MS, yieldEvery } from '../src/runtime/timing.ts';
import { CommonStart } from '../src/shards/common-start.ts';
import { DurableFold } from '../src/shards/durable-fold.ts';
import { commitHeader } from '../test/support/commit-header.ts';
import { machine, printLine } from './support/output.ts';
import { SYNC_INTERVAL } from './support/processes.ts';
import { personEvent } from '../test/support/person-event.ts';
import { fakeOf } from '../test/support/fake-of.ts';

/** Each space has two DPUs, a daily reset, two manual resets, and the readings of the last seconds. */
const [DPUS_PER_SPACE, PROVISIONAL_PER_SPACE] = [2, 10];
const NOW_MS = Date.UTC(2026, 10, 24, 12);

function foldWith(spaces: number, partition: Partition, partitions: number): PartitionFold {
  const ids = Array.from({ length: spaces }, (_, n) => (partition + n * partitions + 1) as SpaceId);
  const dpuOf = (spaceId: SpaceId, n: number): DpuId => `dpu-${spaceId}-${n}` as DpuId;
  const configs = ids.map((spaceId): SpaceConfig => ({
    spaceId,
    timeZone: 'Europe/Vienna',
    dailyReset: '04:00',
    dailyResetCount: 0,
    dpus: Array.from({ length: DPUS_PER_SPACE }, (_, n) => ({ dpuId: dpuOf(spaceId, n), fromMs: 0, toMs: 9e15 })),
    resets: [
      { timestampMs: NOW_MS - 9e8, count: 3 },
      { timestampMs: NOW_MS - 1e8, count: 0 },
    ],
  }));
  const fold = foldFromHistory({
    epoch: 0,
    partition,
    partitions,
    settings: DEFAULT_SETTINGS,
    configs,
    block: 0,
    readings: 0,
    newest: [],
  });
  const events = ids.flatMap((spaceId) =>
    Array.from({ length: PROVISIONAL_PER_SPACE }, (_, n): LoggedEvent => {
      const event = {
        spaceId,
        dpuId: dpuOf(spaceId, n % DPUS_PER_SPACE),
        doorwayId: 1 as DoorwayId,
        timestampMs: NOW_MS + n * 400,
        sign: 1,
        primary: true,
      } as const;
      return loggedEvent(personEvent(event, n % 3 === 0 ? -1 : 1), 1);
    }),
  );
  const tail = new LogTail(partition, partitions, 0);
  tail.clocks.fill(NOW_MS + 1_000);
  tail.seq = 1;
  tail.commitSeqs[0] = 1;
  tail.logMs = NOW_MS;
  followTail(fold, tail, events);
  return fold;
}

interface Watched {
  readonly ms: number;
  readonly cpuMs: number;
  readonly turnMs: number;
  readonly turnCpuMs: number;
}

/** CPU time of the main thread; undefined if the system does not provide it (not Linux). */
function cpuNow(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** How long an operation takes, and the longest pass of the event loop meanwhile. */
async function watched(act: () => Promise<unknown>): Promise<Watched> {
  let [isOver, turnMs, turnCpuMs] = [false, 0, 0];
  const [from, cpuFrom] = [performance.now(), cpuNow()];
  let [last, cpuLast] = [from, cpuFrom];
  const pass = (): void => {
    const [now, cpu] = [performance.now(), cpuNow()];
    [turnMs, turnCpuMs] = [Math.max(turnMs, now - last), Math.max(turnCpuMs, cpu - cpuLast)];
    [last, cpuLast] = [now, cpu];
    if (!isOver) setImmediate(pass);
  };
  setImmediate(pass);
  await act();
  isOver = true;
  return { ms: performance.now() - from, cpuMs: cpuNow() - cpuFrom, turnMs, turnCpuMs };
}

/** Applies one more commit, so that there is something new to save. */
function oneMore(partition: Partition): SpaceEventsLog {
  const data = encodeCommit(commitHeader({ previousSeq: 1, readingsSeq: 1, clockMs: NOW_MS + 1_000 }), new Map());
  const entry: StoredEntry = { seq: 2, timeMs: NOW_MS + 1, subject: `routers.${partition}`, data };
  const cursor: LogCursor = {
    next: async () => [entry],
    behind: 1,
    wake: () => undefined,
    close: async () => undefined,
  };
  return fakeOf<SpaceEventsLog>('SpaceEventsLog', { open: async () => cursor });
}

const folder = await mkdtemp(join(tmpdir(), 'density-bench-'));
const { path } = await findNatsServer({
  cacheDir: fileURLToPath(new URL('../.cache/nats-server', import.meta.url)),
  onProgress: printLine,
});
const server = await startNatsServer({
  binary: path,
  dataDir: join(folder, 'nats'),
  host: '127.0.0.1',
  port: 0,
  mqttPort: 0,
  name: 'bench',
  logFile: join(folder, 'log'),
  syncInterval: SYNC_INTERVAL,
  onExit: () => undefined,
});
const { nc, js, jsm } = await connectNats(server.url, 'bench');
await createStreams(jsm, 16, 1);
const checkpoints = new NatsCheckpoints(js, jsm);
try {
  printLine(machine());
  printLine('| spaces | shards | | took | of it CPU | longest pass | in CPU time | stored |');
  printLine('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [spaces, shards] of [
    [10_000, 16],
    [10_000, 1],
    [50_000, 16],
    [50_000, 1],
  ] as const) {
    const partitions = Array.from({ length: shards }, (_, k) => k as Partition);
    for (const k of partitions)
      await checkpoints.save(
        k,
        {
          storedBeforeSeq: 1,
          epoch: 0,
          mark: NO_MARK,
          commitSeqs: [],
          snapshot: encodeSnapshot(foldWith(spaces / shards, k, shards)),
        },
        (await checkpoints.last(k)).revision,
      );
    const start = new CommonStart();
    const yieldTurn = yieldEvery(MACHINE_TIMING, TURN_MS);
    const hosts = partitions.map(
      (partition) =>
        new DurableFold({
          partition,
          partitions: shards,
          epoch: new LogEpoch(),
          events: oneMore(partition),
          history: fakeOf<History>('History', {}),
          checkpoints,
          start,
          yieldTurn,
        }),
    );
    const idle = await watched(() => MACHINE_TIMING.pause(1_000, new AbortController().signal));
    const restored = await watched(() => Promise.all(hosts.map((host) => host.restore())));
    await Promise.all(hosts.map((host) => host.follow()));
    const saved = await watched(() => Promise.all(hosts.map((host) => host.checkpoint())));
    const bytes = (await jsm.streams.info('CHECKPOINTS')).state.bytes;
    const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
    for (const [what, { ms: took, cpuMs, turnMs, turnCpuMs }] of Object.entries({
      idle,
      restore: restored,
      save: saved,
    })) {
      printLine(
        `| ${spaces.toLocaleString('en')} | ${shards} | ${what} | ${ms(took)} | ${ms(cpuMs)} | ${ms(turnMs)} | ${ms(turnCpuMs)} | ${what === 'save' ? `${(bytes / 1e6).toFixed(1)} MB` : ''} |`,
      );
    }
    await jsm.streams.purge('CHECKPOINTS');
  }
} finally {
  await nc.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
