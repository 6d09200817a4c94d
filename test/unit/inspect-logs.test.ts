// Inspecting the logs: what others add meanwhile is not reported as lost, and each sign of a loss is noticed by itself.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { inspectLogs, type LogDeps } from '../../src/recovery/inspect-logs.ts';
import { UnreadableReadings } from '../../src/recovery/unreadable-readings.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { instead } from '../support/instead.ts';
import { spaceCalled } from '../support/space-called.ts';

const ROUTER = 0 as Partition;
/** More than the number of queries of one inspection. */
const CALLS = 60;

describe('an inspection of logs that are being written', () => {
  let ports: Ports;
  let writer: Writer;

  beforeEach(async () => {
    ports = await memoryPorts();
    writer = new Writer(ports);
    await writer.commit();
    await writer.checkpoint();
  });
  afterEach(async () => ports.close());

  it('reports no loss if commits, topology facts and blocks are added between any two queries', async () => {
    expect(await inspectLogs(watched(ports, async () => writer.commit()))).toEqual([]);
    expect(writer.commits).toBeGreaterThan(20);
  });

  it('reports no loss if a checkpoint is saved and the log truncated at any moment', async () => {
    for (let at = 1; at <= CALLS; at++) {
      let calls = 0;
      const found = await inspectLogs(
        watched(ports, async () => {
          if (++calls !== at) return;
          for (let n = 0; n < 3; n++) await writer.commit();
          await writer.checkpoint();
          await ports.events.truncate(ROUTER, writer.lastSeq);
        }),
      );
      expect(found, `truncated at question ${at}`).toEqual([]);
    }
  });
});

/** Of sound logs, with three commits, the first two of which every checkpoint includes. */
describe('an inspection notices', () => {
  let ports: Ports;
  let deps: LogDeps;
  beforeEach(async () => {
    ports = await memoryPorts();
    const writer = new Writer(ports);
    await writer.commit();
    await writer.commit();
    await writer.checkpoint();
    await writer.commit();
    deps = watched(ports, async () => undefined);
    expect(await inspectLogs(deps)).toEqual([]);
  });
  afterEach(async () => ports.close());

  const found = async (changed: Partial<LogDeps>): Promise<string[]> =>
    (await inspectLogs({ ...deps, ...changed })).map(({ log, detail }) => `${log}: ${detail}`);

  it('L3 that the log of a router ends before a checkpoint of it', async () => {
    const { seq } = await ports.events.lastCommit(ROUTER);
    const events = instead(ports.events, { lastCommit: async () => ({ seq: seq - 2, header: undefined }) });
    expect(await found({ events })).toEqual([
      `SPACE_EVENTS: its last commit of router 0 is ${seq - 2}, but a checkpoint includes ${seq - 1}`,
    ]);
  });

  it('L3 that a router continued from another commit than the last one of a checkpoint', async () => {
    const events = instead(ports.events, {
      firstCommitFrom: async (router, from) => {
        const header = await ports.events.firstCommitFrom(router, from);
        return header && { ...header, previousSeq: header.previousSeq - 1 };
      },
    });
    expect(await found({ events })).toEqual([
      'SPACE_EVENTS: router 0 continued from commit 1, but a checkpoint includes 2',
    ]);
  });

  it('L3 that the log was truncated after the oldest checkpoint, although newer ones have the rest', async () => {
    const oldest = { ...(await ports.checkpoints.last(ROUTER)), mark: { seq: 1, commitId: 'c1' } };
    const checkpoints = instead(ports.checkpoints, {
      last: async (partition) => (partition === ROUTER ? oldest : ports.checkpoints.last(partition)),
    });
    const events = instead(ports.events, {
      firstCommitFrom: async (router, from) => ports.events.firstCommitFrom(router, Math.max(from, 3)),
    });
    expect(await found({ checkpoints, events })).toEqual([
      'CHECKPOINTS: the oldest checkpoint ends at 1 of SPACE_EVENTS, which no longer holds commit 2',
    ]);
  });

  it('L3 that another commit is where a block was cut', async () => {
    const block = { number: 3, epoch: 0, mark: { seq: 3, commitId: 'another' } };
    const records = instead(ports.recovery, { lastBlocks: async () => new Map([[ROUTER, block]]) });
    expect(await found({ records })).toEqual([
      'SPACE_EVENTS: it ends at 3, and does not hold commit 3, at which block 3 of shard 0 was cut',
    ]);
  });

  it('L3 that TOPOLOGY has another entry than the one that was copied', async () => {
    const records = instead(ports.recovery, { lastCopied: async () => ({ seq: 3, digest: 1 }) });
    expect(await found({ records })).toEqual(['TOPOLOGY: it does not hold entry 3, of which ClickHouse has a copy']);
  });

  it('L3 that a repair was not finished', async () => {
    const records = instead(ports.recovery, { epochs: async () => ({ begun: 1, done: 0 }) });
    expect(await found({ records })).toEqual(['epoch: the repair that began epoch 1 was not finished']);
  });
});

/** Plays the processes of a service, one complete step at a time. */
class Writer {
  commits = 0;
  lastSeq = 0;
  readonly #ports: Ports;
  readonly #topology = new TopologyHistory();
  #previousReadingsSeq = 0;
  readonly #revisions: number[] = [];
  #last = Promise.resolve();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Waits for the steps under way, because the queries of an inspection overlap. */
  commit(): Promise<void> {
    return (this.#last = this.#last.then(() => this.#commit()));
  }

  /** A space, a reading, a commit that has followed both, a block that has the commit, and the copy of the space. */
  async #commit(): Promise<void> {
    const { readings, events, topology, history, recovery } = this.#ports;
    const n = ++this.commits;
    await topology.append({ kind: 'space', doc: spaceCalled(`space ${n}`, n) }, n - 1);
    await catchUp(this.#topology, this.#ports);
    await readings.append('d1' as DpuId, new TextEncoder().encode(String(n)));
    const readingsSeq = (await readings.bounds()).lastSeq;
    const header = commitHeader({
      router: ROUTER,
      commitId: `c${n}`,
      previousSeq: this.lastSeq,
      readingsSeq,
      previousReadingsSeq: this.#previousReadingsSeq,
      topologySeq: n,
      topologyDigest: this.#topology.digestAt(n) ?? null,
    });
    const outcome = await events.commit(header, new Map(), this.lastSeq);
    if (outcome.kind !== 'committed') throw new Error('superseded');
    this.lastSeq = outcome.seq;
    this.#previousReadingsSeq = readingsSeq;
    await history.storeBlock(blockOf(0, ROUTER, n, [], { seq: this.lastSeq, commitId: header.commitId }));
    await recovery.copyTopology(
      this.#topology.entries(n - 1, n).map((entry) => ({ ...entry, digest: this.#topology.digestAt(n) ?? 0 })),
      0,
    );
  }

  /** A checkpoint of every shard, with everything committed so far. */
  async checkpoint(): Promise<void> {
    const mark = { seq: this.lastSeq, commitId: `c${this.commits}` };
    for (let k = 0; k < PARTITIONS; k++) {
      const saved = await this.#ports.checkpoints.save(
        k as Partition,
        { storedBeforeSeq: mark.seq, epoch: 0, mark, commitSeqs: [mark.seq, 0, 0], snapshot: [] },
        this.#revisions[k] ?? 0,
      );
      if (saved === undefined) throw new Error('superseded');
      this.#revisions[k] = saved;
    }
  }
}

async function catchUp(history: TopologyHistory, { topology }: Ports): Promise<void> {
  for (const end = await topology.lastSeq(); history.seq < end;) {
    const fact = await topology.at(history.seq + 1);
    if (!fact) throw new Error('TOPOLOGY is shorter than it was');
    history.apply({ seq: history.seq + 1, fact });
  }
}

/** The ports of an inspection, with a step before and after each query. */
function watched(ports: Ports, happens: () => Promise<void>): LogDeps {
  const watch = <T extends object>(port: T): T =>
    new Proxy(port, {
      get:
        (target, key) =>
        async (...args: unknown[]) => {
          await happens();
          const answer = await (target[key as keyof T] as (...args: unknown[]) => Promise<unknown>).apply(target, args);
          await happens();
          return answer;
        },
    });
  const topology = new TopologyHistory();
  return {
    partitions: PARTITIONS,
    epoch: new LogEpoch(),
    topology,
    catchUpTopology: () => catchUp(topology, { ...ports, topology: watch(ports.topology) }),
    readings: watch(ports.readings),
    unreadable: new UnreadableReadings({
      readings: watch(ports.readings),
      records: watch(ports.recovery),
      storedSeq: async () => Infinity,
    }),
    events: watch(ports.events),
    checkpoints: watch(ports.checkpoints),
    records: watch(ports.recovery),
  };
}
