// The NATS ports in memory, with the contracts of the streams: atomic commits with an expected sequence, the server's
// own clock, dead letters that are stored once.
import { deviceOf, tokenOfDpu, type DpuId, type Partition } from '../../../src/domain/ids.ts';
import { NO_MARK } from '../../../actors/partition/block.ts';
import { LogEpoch } from '../../../src/domain/log-epoch.ts';
import type { StoredEntry } from '../../../src/domain/log-entry.ts';
import type { CommitHeader, Sections } from '../../../src/domain/commit.ts';
import { decodeCommit, encodeCommit } from '../../../src/domain/commit-codec.ts';
import { routerSubject } from '../../../src/nats/streams.ts';
import { BEGINNING_MS } from '../../../src/domain/instant.ts';
import { partitionOfDpu } from '../../../src/domain/partition.ts';
import type { TopologyEntry, TopologyFact } from '../../../src/domain/topology.ts';
import { TopologyHistory } from '../../../src/domain/topology-history.ts';
import type { Checkpoints, NewCheckpoint, StoredCheckpoint } from '../../../src/ports/checkpoints.ts';
import type { ItemsByReason, KeptLetter, RecordedReplay } from '../../../src/ports/dead-letters.ts';
import type { LogBounds, LogCursor } from '../../../src/ports/log.ts';
import type { LogUsage, ReadingsLog } from '../../../src/ports/readings-log.ts';
import type { CommitOutcome, LastCommit, SpaceEventsLog } from '../../../src/ports/space-events-log.ts';
import type { TopologyCursor, TopologyLog } from '../../../src/ports/topology-log.ts';
import { MemoryCursor, type Access } from './memory-cursor.ts';
import { MemoryLog } from './memory-log.ts';

/** The data of a NATS server, which survives every process. */
export class MemoryStreams {
  readonly partitions: number;
  readonly readings: MemoryLog;
  readonly events: MemoryLog;
  readonly topology: TopologyEntry[] = [];
  readonly letters = new Map<string, KeptLetter>();
  /** How letters were replayed. */
  readonly replays = new Map<string, RecordedReplay>();
  /** The item counts of evicted letters; and the letters themselves, because a restarted router may store one again. */
  readonly evicted: ItemsByReason = {};
  readonly evictedKeys = new Set<string>();
  /** Items of letters that were stored again after eviction, and so are counted twice. */
  itemsStoredAgain = 0;
  readonly now: () => number;
  readonly checkpoints = new Map<Partition, StoredCheckpoint>();
  checkpointRevision = 0;
  /** The replaced checkpoints, the oldest first. */
  readonly olderCheckpoints: [Partition, StoredCheckpoint][] = [];
  readonly objections: string[] = [];
  /** How often the server has lost anything. */
  losses = 0;

  constructor(partitions: number, now: () => number) {
    this.partitions = partitions;
    this.now = now;
    this.readings = new MemoryLog(now);
    this.events = new MemoryLog(now);
  }
}

export const away = (what: string) => (): Error => new Error(`no answer: ${what}`);

export class MemoryReadingsLog implements ReadingsLog {
  readonly #access: Access;
  readonly #streams: MemoryStreams;

  constructor(access: Access, streams: MemoryStreams) {
    this.#access = access;
    this.#streams = streams;
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return new MemoryCursor(
      this.#access,
      this.#streams.readings,
      `READINGS ${partition}`,
      (subject) => subject.startsWith(`readings.${partition}.`),
      afterSeq,
    );
  }

  async append(dpuId: DpuId, data: Uint8Array, mark?: string): Promise<void> {
    await this.publish(dpuId, 'readings', data, mark);
  }

  async appendPayload(device: DpuId, adapter: string, data: Uint8Array): Promise<void> {
    await this.publish(device, adapter, data);
  }

  async tick(partition: Partition): Promise<void> {
    await this.#append(`readings.${partition}.tick`, new Uint8Array());
  }

  async bounds(): Promise<LogBounds> {
    return this.#read('bounds of READINGS', () => ({
      firstSeq: this.#streams.readings.firstSeq,
      lastSeq: this.#streams.readings.lastSeq,
    }));
  }

  async at(seq: number): Promise<StoredEntry | undefined> {
    return this.#read(`READINGS ${seq}`, () => this.#streams.readings.at(seq));
  }

  async unreadable(afterSeq: number, toSeq: number): Promise<number[]> {
    return this.#read('unreadable in READINGS', () => this.#streams.readings.unreadable(afterSeq, toSeq));
  }

  async lastSeqBefore(ms: number): Promise<number> {
    return this.#read('READINGS before', () => {
      const { readings } = this.#streams;
      const next = readings.everything.find(({ seq, timeMs }) => timeMs >= ms && !readings.isDamaged(seq));
      return next ? next.seq - 1 : this.#streams.readings.lastSeq;
    });
  }

  async #read<T>(label: string, apply: () => T): Promise<T> {
    return this.#access.scheduler.request(this.#access.owner, { label, apply, failure: away(label) });
  }

  async newestMs(partition: Partition): Promise<number> {
    const { owner, scheduler } = this.#access;
    return scheduler.request(owner, {
      label: `newest of READINGS ${partition}`,
      failure: away('newest'),
      apply: () =>
        this.#streams.readings.everything.findLast(({ subject }) => subject.startsWith(`readings.${partition}.`))
          ?.timeMs ?? BEGINNING_MS,
    });
  }

  async purge(beforeSeq: number, beforeMs: number): Promise<void> {
    const { owner, scheduler } = this.#access;
    await scheduler.request(owner, {
      label: 'purge READINGS',
      isWrite: true,
      failure: away('purge'),
      apply: () => {
        const kept = this.#streams.readings.everything.find(({ timeMs }) => timeMs >= beforeMs)?.seq ?? beforeSeq;
        this.#streams.readings.purge(() => true, Math.min(beforeSeq, kept));
      },
    });
  }

  /** It has no size limit. */
  async usage(): Promise<LogUsage> {
    return { usedFraction: 0, acceptsReadings: true, firstSeq: 1, lastSeq: this.#streams.readings.lastSeq };
  }

  async firstSeqFrom(partition: Partition, seq: number): Promise<number | undefined> {
    const { owner, scheduler } = this.#access;
    return scheduler.request(owner, {
      label: `first entry of ${partition}`,
      failure: away('first entry'),
      apply: () =>
        this.#streams.readings.firstFrom(seq, (subject) => subject.startsWith(`readings.${partition}.`))?.seq,
    });
  }

  async setAcceptsReadings(): Promise<void> {
    throw new Error('a log without a bound is never full');
  }

  /** @param levels what a device published to, after its own level */
  async publish(dpuId: DpuId, levels: string, data: Uint8Array, mark?: string): Promise<void> {
    await this.#append(
      `readings.${partitionOfDpu(dpuId, this.#streams.partitions)}.${tokenOfDpu(deviceOf(dpuId))}.${levels}`,
      data,
      mark,
    );
  }

  async #append(subject: string, data: Uint8Array, mark?: string): Promise<void> {
    const { owner, scheduler } = this.#access;
    await scheduler.request(owner, {
      label: `publish ${subject}`,
      isWrite: true,
      failure: away('publish'),
      apply: () => {
        this.#streams.readings.append({ subject, data, mark });
      },
    });
  }
}

export class MemorySpaceEventsLog implements SpaceEventsLog {
  readonly #access: Access;
  readonly #log: MemoryLog;
  readonly #epoch: LogEpoch;

  constructor(access: Access, streams: MemoryStreams, epoch = new LogEpoch()) {
    this.#access = access;
    this.#log = streams.events;
    this.#epoch = epoch;
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return new MemoryCursor(this.#access, this.#log, `SPACE_EVENTS ${partition}`, () => true, afterSeq);
  }

  async openRouter(router: Partition, afterSeq: number): Promise<LogCursor> {
    const own = routerSubject(router, this.#epoch.current);
    return new MemoryCursor(this.#access, this.#log, `commits of ${router}`, (subject) => subject === own, afterSeq);
  }

  async lastCommit(router: Partition): Promise<LastCommit> {
    return this.#read(`last commit ${router}`, () => {
      const entry = this.#log.last(routerSubject(router, this.#epoch.current));
      return { seq: entry?.seq ?? 0, header: entry && decodeCommit(entry).header };
    });
  }

  async firstCommitFrom(router: Partition, seq: number): Promise<CommitHeader | undefined> {
    return this.#read(`first commit of ${router}`, () => {
      const entry = this.#log.firstFrom(seq, (subject) => subject === routerSubject(router, this.#epoch.current));
      return entry && decodeCommit(entry).header;
    });
  }

  async commit(header: CommitHeader, sections: Sections, expectedSeq: number): Promise<CommitOutcome> {
    const { owner, scheduler } = this.#access;
    const subject = routerSubject(header.router, header.epoch);
    // A commit is the value at the time of sending.
    const data = encodeCommit(header, sections);
    return scheduler.request(owner, {
      label: `commit ${header.router}${describeWaiting(header)}`,
      isWrite: true,
      failure: away('commit'),
      apply: (): CommitOutcome => {
        if ((this.#log.last(subject)?.seq ?? 0) !== expectedSeq) return { kind: 'superseded' };
        return { kind: 'committed', seq: this.#log.append({ subject, data }) };
      },
    });
  }

  async begin(header: CommitHeader): Promise<number> {
    const subject = routerSubject(header.router, header.epoch);
    const data = encodeCommit(header, new Map());
    const seq = await this.#access.scheduler.request(this.#access.owner, {
      label: `begin ${subject}`,
      isWrite: true,
      failure: away('begin'),
      apply: () => (this.#log.last(subject) ? undefined : this.#log.append({ subject, data })),
    });
    if (seq === undefined) throw new Error(`${subject} has begun`);
    return seq;
  }

  async end(): Promise<number> {
    return this.#read('end of the log', () => this.#log.lastSeq);
  }

  async bounds(): Promise<LogBounds> {
    return this.#read('bounds of the log', () => ({ firstSeq: this.#log.firstSeq, lastSeq: this.#log.lastSeq }));
  }

  async commitIdAt(seq: number): Promise<string | undefined> {
    return this.#read(`commit ${seq}`, () => {
      const entry = this.#log.at(seq);
      return entry && decodeCommit(entry).header.commitId;
    });
  }

  async removeOlderEpochs(beforeSeq: number): Promise<void> {
    const { current } = this.#epoch;
    await this.#access.scheduler.request(this.#access.owner, {
      label: 'remove older epochs',
      isWrite: true,
      failure: away('removal'),
      apply: () => this.#log.purge((subject) => !isOfEpoch(subject, current), beforeSeq),
    });
  }

  async truncate(router: Partition, beforeSeq: number): Promise<void> {
    const { owner, scheduler } = this.#access;
    const subject = routerSubject(router, this.#epoch.current);
    await scheduler.request(owner, {
      label: `truncate ${subject}`,
      isWrite: true,
      failure: away('truncate'),
      apply: () => this.#log.purge((other) => other === subject, beforeSeq),
    });
  }

  async #read<T>(label: string, apply: () => T): Promise<T> {
    return this.#access.scheduler.request(this.#access.owner, { label, apply, failure: away(label) });
  }
}

function isOfEpoch(subject: string, epoch: number): boolean {
  return Number(subject.split('-')[1] ?? 0) === epoch;
}

/** The topology of the whole log. */
export function topologyOf({ topology }: MemoryStreams): TopologyHistory {
  const history = new TopologyHistory();
  for (const entry of topology) history.apply(entry);
  return history;
}

export class MemoryTopologyLog implements TopologyLog {
  readonly #access: Access;
  readonly #streams: MemoryStreams;

  constructor(access: Access, streams: MemoryStreams) {
    this.#access = access;
    this.#streams = streams;
  }

  async open(afterSeq: number): Promise<TopologyCursor> {
    const { owner, scheduler } = this.#access;
    let [at, isClosed] = [afterSeq, false];
    return {
      next: async () =>
        scheduler.request(owner, {
          label: 'read TOPOLOGY',
          isReady: () => isClosed || this.#streams.topology.length > at,
          failure: away('read TOPOLOGY'),
          apply: () => {
            const entries = isClosed ? [] : this.#streams.topology.slice(at);
            at += entries.length;
            return entries;
          },
        }),
      close: async () => {
        isClosed = true;
      },
    };
  }

  async append(fact: TopologyFact, expectedSeq: number): Promise<number | undefined> {
    const { owner, scheduler } = this.#access;
    return scheduler.request(owner, {
      label: `append ${fact.kind}`,
      isWrite: true,
      failure: away('append to TOPOLOGY'),
      apply: () => {
        if (this.#streams.topology.length !== expectedSeq) return undefined;
        return this.#streams.topology.push({ seq: expectedSeq + 1, fact, storedMs: this.#streams.now() });
      },
    });
  }

  async at(seq: number): Promise<TopologyFact | undefined> {
    const { owner, scheduler } = this.#access;
    return scheduler.request(owner, {
      label: `TOPOLOGY ${seq}`,
      failure: away('TOPOLOGY'),
      apply: () => this.#streams.topology[seq - 1]?.fact,
    });
  }

  /** It loses only its end. */
  async damageAt(): Promise<undefined> {
    return undefined;
  }

  async lastSeq(): Promise<number> {
    const { owner, scheduler } = this.#access;
    return scheduler.request(owner, {
      label: 'end of TOPOLOGY',
      failure: away('end of TOPOLOGY'),
      apply: () => this.#streams.topology.length,
    });
  }
}

export class MemoryCheckpoints implements Checkpoints {
  readonly #access: Access;
  readonly #streams: MemoryStreams;

  constructor(access: Access, streams: MemoryStreams) {
    this.#access = access;
    this.#streams = streams;
  }

  async load(partition: Partition): Promise<StoredCheckpoint | undefined> {
    return this.#read(`load checkpoint ${partition}`, () => this.#streams.checkpoints.get(partition));
  }

  async last(partition: Partition): Promise<Omit<StoredCheckpoint, 'snapshot'>> {
    return this.#read(`last checkpoint ${partition}`, () => {
      const { revision, storedBeforeSeq, epoch, mark, commitSeqs } = this.#streams.checkpoints.get(partition) ?? {
        revision: 0,
        storedBeforeSeq: 0,
        epoch: 0,
        mark: NO_MARK,
        commitSeqs: [],
      };
      return { revision, storedBeforeSeq, epoch, mark, commitSeqs };
    });
  }

  async save(partition: Partition, checkpoint: NewCheckpoint, expectedRevision: number): Promise<number | undefined> {
    const snapshot: string[] = [];
    for await (const line of checkpoint.snapshot) snapshot.push(line);
    return this.#access.scheduler.request(this.#access.owner, {
      label: `save checkpoint ${partition}`,
      isWrite: true,
      failure: away('save checkpoint'),
      apply: () => {
        const before = this.#streams.checkpoints.get(partition);
        if ((before?.revision ?? 0) !== expectedRevision) return undefined;
        // The log has been truncated up to there.
        if (before && checkpoint.epoch === before.epoch && checkpoint.storedBeforeSeq < before.storedBeforeSeq) {
          this.#streams.objections.push(
            `partition ${partition}: storedBeforeSeq went back from ${before.storedBeforeSeq} to ${checkpoint.storedBeforeSeq} between two checkpoints`,
          );
        }
        const revision = ++this.#streams.checkpointRevision;
        if (before) this.#streams.olderCheckpoints.push([partition, before]);
        this.#streams.checkpoints.set(partition, { ...checkpoint, snapshot, revision });
        return revision;
      },
    });
  }

  async #read<T>(label: string, apply: () => T): Promise<T> {
    return this.#access.scheduler.request(this.#access.owner, { label, apply, failure: away(label) });
  }
}

/** For the trace, which shows the content of a run. */
function describeWaiting({ waiting }: CommitHeader): string {
  if (waiting.length === 0) return '';
  return waiting.some(({ index }) => index > 0) ? ' with a backlog, in the middle of a message' : ' with a backlog';
}
