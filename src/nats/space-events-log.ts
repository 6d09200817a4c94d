// The SPACE_EVENTS stream. A commit is one atomic batch (ADR-50 of NATS): the position is its last
// message and carries the expectation, so that every event of a commit stands before the position
// that vouches for it.
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from 'nats';
import type { Partition } from '../domain/ids.ts';
import { decodeEntry, encodePosition, type PositionEntry, type StoredEntry } from '../domain/log-entry.ts';
import type { CommitOutcome, LastPosition, LogCursor, PartitionPayload, SpaceEventsLog } from '../ports.ts';
import { openCursor } from './log-cursor.ts';
import { traced } from './trace-headers.ts';
import { routerSubject, SPACE_EVENTS, spaceSubject } from './streams.ts';

const COMMIT_TIMEOUT_MS = 10_000;

export class NatsSpaceEventsLog implements SpaceEventsLog {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js;
    this.#jsm = jsm;
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return openCursor(this.#js, SPACE_EVENTS, [spaceSubject(partition), 'routers.*'], afterSeq);
  }

  async lastPosition(router: Partition): Promise<LastPosition> {
    const message = await this.#jsm.direct.getMessage(SPACE_EVENTS, { last_by_subj: routerSubject(router) });
    return { seq: message?.seq ?? 0, position: message ? asPosition(message) : undefined };
  }

  async positionFrom(router: Partition, seq: number): Promise<PositionEntry | undefined> {
    const message = await this.#jsm.direct.getMessage(SPACE_EVENTS, { next_by_subj: routerSubject(router), seq: Math.max(1, seq) });
    return message ? asPosition(message) : undefined;
  }

  async commit(position: PositionEntry, payloads: readonly PartitionPayload[], expectedSeq: number): Promise<CommitOutcome> {
    try {
      return { kind: 'committed', seq: await this.#write(position, payloads, expectedSeq) };
    } catch (error) {
      // Any error leaves the outcome unknown, a refusal included: the client does not tell them apart.
      return this.#settle(position, expectedSeq, error);
    }
  }

  async end(): Promise<number> {
    // The last message of a commit is its position, and the last position of all is never purged.
    return (await this.#jsm.streams.info(SPACE_EVENTS)).state.last_seq;
  }

  async purgePartition(partition: Partition, beforeSeq: number): Promise<void> {
    await this.#jsm.streams.purge(SPACE_EVENTS, { filter: spaceSubject(partition), seq: beforeSeq });
  }

  async purgePositions(router: Partition, beforeSeq: number): Promise<void> {
    await this.#jsm.streams.purge(SPACE_EVENTS, { filter: routerSubject(router), seq: beforeSeq });
  }

  async #write(position: PositionEntry, payloads: readonly PartitionPayload[], expectedSeq: number): Promise<number> {
    const subject = routerSubject(position.router);
    const data = encodePosition(position);
    const [first, ...rest] = payloads;
    if (!first) {
      const ack = await this.#js.publish(subject, data, { expect: { lastSubjectSequence: expectedSeq }, timeout: COMMIT_TIMEOUT_MS });
      return ack.seq;
    }
    const batch = await this.#js.startBatch(spaceSubject(first.partition), first.data, { timeout: COMMIT_TIMEOUT_MS });
    for (const payload of rest) batch.add(spaceSubject(payload.partition), payload.data);
    const ack = await batch.commit(subject, data, { headers: expecting(expectedSeq), timeout: COMMIT_TIMEOUT_MS });
    return ack.seq;
  }

  /** The last position on record says who wrote it. */
  async #settle(position: PositionEntry, expectedSeq: number, cause: unknown): Promise<CommitOutcome> {
    const last = await this.lastPosition(position.router);
    if (last.position?.commitId === position.commitId) return { kind: 'committed', seq: last.seq };
    if (last.seq !== expectedSeq) return { kind: 'superseded' };
    // Not there, and nobody else's either. It may yet arrive, so it must not be tried again as it is:
    // the caller begins anew, from whatever the log then says.
    throw new Error(`commit of router ${position.router} was not stored`, { cause });
  }
}

function expecting(seq: number): MsgHdrs {
  const expectation = traced().headers ?? headers();
  expectation.set('Nats-Expected-Last-Subject-Sequence', String(seq));
  return expectation;
}

function asPosition(message: Pick<StoredEntry, 'seq' | 'data'>): PositionEntry {
  const entry = decodeEntry(message);
  if (entry.kind !== 'position') throw new Error('a router subject holds something else than a position');
  return entry;
}
