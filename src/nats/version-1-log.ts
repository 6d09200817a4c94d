// Reads SPACE_EVENTS in the format of version 1, for `density migrate`: JSON, where a commit is a batch of messages
// on `spaces.<k>` followed by the router's offset on `routers.<k>`.
import { DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { nuid } from 'nats';
import { LogTail } from '../../actors/partition/log-tail.ts';
import { LogGap } from '../../actors/partition/commit-chain.ts';
import { consumedThrough, type CommitHeader, type LoggedSection, type RouterCounters } from '../domain/commit.ts';
import { encodeCommit } from '../domain/commit-codec.ts';
import type { DpuId, Partition, SpaceId } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import { fromPersonTuple, type PersonTuple } from '../domain/log-entry.ts';
import { routerSubject, SPACE_EVENTS, VERSION_1_SUBJECTS } from './streams.ts';

/** Entries of version 1 are JSON objects; later ones begin with their version number. */
const OBJECT = '{'.charCodeAt(0);
const decoder = new TextDecoder();

/** Configurations and settings in it are ignored, because the topology has them. */
interface Payload {
  readonly e: PersonTuple[];
  readonly h?: [number, string, number][];
}

type CommittedOffset = Omit<CommitHeader, 'waiting' | 'isMove' | 'counters'> & {
  readonly counters: Omit<RouterCounters, 'excluded' | 'deleted'>;
  /** For each partition, the number of messages in the commit. */
  readonly payloads: Readonly<Partial<Record<number, number>>>;
  readonly backlogs?: readonly (readonly [subject: string, firstSeq: number])[];
  readonly isMove?: boolean;
};

/** Collects one partition's part of the log, message by message. */
class Version1Tail {
  readonly tail: LogTail;
  readonly #partition: Partition;
  readonly #storedBeforeSeq: number;
  #pending: Pick<LoggedSection, 'events' | 'heartbeats'>[] = [];
  /** True after the commits that may have been partly truncated. */
  #mustBeWhole = false;

  constructor(partition: Partition, partitions: number, storedBeforeSeq: number) {
    this.tail = new LogTail(partition, partitions, storedBeforeSeq);
    this.#partition = partition;
    this.#storedBeforeSeq = storedBeforeSeq;
  }

  addPayload(seq: number, { e, h = [] }: Payload): void {
    // Readings with an `id` have reading ids in the previous format.
    const events = e.map((tuple) =>
      fromPersonTuple(tuple.length > 8 ? ([...tuple.slice(0, 9), 1] as unknown as PersonTuple) : tuple, seq),
    );
    const heartbeats = h.map(([spaceId, dpuId, timestampMs]) => ({
      spaceId: spaceId as SpaceId,
      dpuId: dpuId as DpuId,
      timestampMs,
    }));
    this.#pending.push({ events, heartbeats });
  }

  addOffset(stored: { readonly seq: number; readonly timeMs: number }, offset: CommittedOffset): void {
    const isWhole = this.#pending.length === (offset.payloads[this.#partition] ?? 0);
    if (!isWhole && this.#mustBeWhole)
      throw new LogGap(`partition ${this.#partition}: messages are missing from the log before ${stored.seq}`);
    this.#mustBeWhole ||= stored.seq >= this.#storedBeforeSeq;
    const section: LoggedSection = {
      events: this.#pending.flatMap(({ events }) => events),
      heartbeats: this.#pending.flatMap(({ heartbeats }) => heartbeats),
      configs: [],
      settings: undefined,
    };
    this.#pending = [];
    this.tail.addCommit(stored, headerOf(offset), section);
  }
}

export class Version1Log {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #partitions: number;

  constructor(js: JetStreamClient, jsm: JetStreamManager, partitions: number) {
    this.#js = js;
    this.#jsm = jsm;
    this.#partitions = partitions;
  }

  /** True while SPACE_EVENTS is in the format of version 1, even if it is partly converted. */
  static async isThere(jsm: JetStreamManager): Promise<boolean> {
    const info = await jsm.streams.info(SPACE_EVENTS).catch(() => undefined);
    return info?.config.subjects?.includes(VERSION_1_SUBJECTS) ?? false;
  }

  /** True once every router has a commit in the current format, which means that all partitions are converted. */
  async isConverted(): Promise<boolean> {
    const last = await Promise.all(this.#routers.map((router) => this.#last(router)));
    return last.every((message) => message?.data[0] !== OBJECT);
  }

  /**
   * The contents of the log, by partition.
   * @param storedBeforeSeqs by partition, the sequence before which everything is in ClickHouse
   */
  async tails(storedBeforeSeqs: readonly number[]): Promise<LogTail[]> {
    const tails = storedBeforeSeqs.map((seq, k) => new Version1Tail(k as Partition, this.#partitions, seq));
    const consumer = await this.#js.consumers.get(SPACE_EVENTS, { deliver_policy: DeliverPolicy.All });
    if ((await consumer.info()).num_pending > 0) {
      for await (const { subject, seq, data, info } of await consumer.consume()) {
        if (data[0] === OBJECT)
          add(
            tails,
            subject,
            { seq, timeMs: Math.floor(info.timestampNanos / 1e6) },
            JSON.parse(decoder.decode(data)) as Payload | CommittedOffset,
          );
        if (info.pending === 0) break;
      }
    }
    return tails.map(({ tail }) => tail);
  }

  /** Commits the routers' offsets, clocks and counters in the current format. Idempotent. */
  async convert(): Promise<void> {
    for (const router of this.#routers) {
      const message = await this.#last(router);
      if (message?.data[0] !== OBJECT) continue;
      const before = headerOf(JSON.parse(decoder.decode(message.data)) as CommittedOffset);
      const header = {
        ...before,
        commitId: nuid.next(),
        previousSeq: message.seq,
        previousReadingsSeq: consumedThrough(before),
        isMove: true,
      };
      await this.#js.publish(routerSubject(router), encodeCommit(header, new Map()), {
        expect: { lastSubjectSequence: message.seq },
      });
    }
  }

  /** Removes entries of version 1, and gives the stream its current subjects. */
  async finish(): Promise<void> {
    await this.#jsm.streams.purge(SPACE_EVENTS, { filter: VERSION_1_SUBJECTS });
    for (const router of this.#routers) {
      const message = await this.#last(router);
      if (message) await this.#jsm.streams.purge(SPACE_EVENTS, { filter: routerSubject(router), seq: message.seq });
    }
    await this.#jsm.streams.update(SPACE_EVENTS, { subjects: ['routers.*'] });
  }

  get #routers(): Partition[] {
    return allPartitions(this.#partitions);
  }

  async #last(router: Partition): Promise<{ readonly seq: number; readonly data: Uint8Array } | undefined> {
    return (await this.#jsm.streams.getMessage(SPACE_EVENTS, { last_by_subj: routerSubject(router) })) ?? undefined;
  }
}

function add(
  tails: readonly Version1Tail[],
  subject: string,
  stored: { readonly seq: number; readonly timeMs: number },
  entry: Payload | CommittedOffset,
): void {
  const [kind, k] = subject.split('.');
  if (kind === 'spaces') tails[Number(k)]?.addPayload(stored.seq, entry as Payload);
  else for (const tail of tails) tail.addOffset(stored, entry as CommittedOffset);
}

/** Drops fields that commits no longer have, and adds those that early versions lack. */
function headerOf({
  router,
  commitId,
  previousSeq,
  readingsSeq,
  previousReadingsSeq,
  backlogs = [],
  isMove = false,
  topologySeq,
  reattribution,
  clockMs,
  counters,
}: CommittedOffset): CommitHeader {
  return {
    router,
    epoch: 0,
    commitId,
    previousSeq,
    readingsSeq,
    readingsMark: null,
    previousReadingsSeq,
    isMove,
    topologySeq,
    topologyDigest: null,
    reattribution,
    clockMs,
    counters: { ...counters, excluded: 0, deleted: 0 },
    waiting: backlogs.map(([subject, seq]) => ({ subject, fromSeq: seq, toSeq: readingsSeq, index: 0 })),
  };
}
