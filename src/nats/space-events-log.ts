// The SPACE_EVENTS stream. A commit is one message on its router's subject, published with the expected last
// sequence of that subject. A single message is atomic by itself; an atomic batch costs the server fifty times as
// much (docs/adr/0061).
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { CommitHeader, Sections } from '../domain/commit.ts';
import { commitOf, decodeCommit, encodeCommit } from '../domain/commit-codec.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { CommitOutcome, LastCommit, LogCursor, SpaceEventsLog } from '../ports.ts';
import { endOfTurn } from '../runtime/end-of-turn.ts';
import { StreamReader } from './stream-reader.ts';
import { traced } from './trace-headers.ts';
import { routerSubject, SPACE_EVENTS } from './streams.ts';

const COMMIT_TIMEOUT_MS = 10_000;

export class NatsSpaceEventsLog implements SpaceEventsLog {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #reader: StreamReader;

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js;
    this.#jsm = jsm;
    this.#reader = new StreamReader(js, { stream: SPACE_EVENTS, partitionOf: () => 'all', catchUpSubjects: () => [], isUrgent });
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return this.#reader.open(partition, afterSeq);
  }

  async lastCommit(router: Partition): Promise<LastCommit> {
    const message = await this.#jsm.direct.getMessage(SPACE_EVENTS, { last_by_subj: routerSubject(router) });
    return { seq: message?.seq ?? 0, header: message ? decodeCommit(message).header : undefined };
  }

  async firstCommitFrom(router: Partition, seq: number): Promise<CommitHeader | undefined> {
    const message = await this.#jsm.direct.getMessage(SPACE_EVENTS, { next_by_subj: routerSubject(router), seq: Math.max(1, seq) });
    return message ? decodeCommit(message).header : undefined;
  }

  async commit(header: CommitHeader, sections: Sections, expectedSeq: number): Promise<CommitOutcome> {
    const options = { expect: { lastSubjectSequence: expectedSeq }, timeout: COMMIT_TIMEOUT_MS, ...traced() };
    try {
      // The commits of all routers of the process with one write.
      await endOfTurn();
      const { seq } = await this.#js.publish(routerSubject(header.router), encodeCommit(header, sections), options);
      return { kind: 'committed', seq };
    } catch (error) {
      // Any error leaves the outcome unknown: what the log holds decides.
      return this.#settle(header, expectedSeq, error);
    }
  }

  async end(): Promise<number> {
    return (await this.#jsm.streams.info(SPACE_EVENTS)).state.last_seq;
  }

  async truncate(router: Partition, beforeSeq: number): Promise<void> {
    // To the server, 0 is everything.
    if (beforeSeq > 1) await this.#jsm.streams.purge(SPACE_EVENTS, { filter: routerSubject(router), seq: beforeSeq });
  }

  /** The last commit on record names the attempt that wrote it. */
  async #settle(header: CommitHeader, expectedSeq: number, cause: unknown): Promise<CommitOutcome> {
    const last = await this.lastCommit(header.router);
    if (last.header?.commitId === header.commitId) return { kind: 'committed', seq: last.seq };
    if (last.seq !== expectedSeq) return { kind: 'superseded' };
    // Not there, and no other either. It may yet arrive, so it must not be tried again as it is: the caller
    // restarts from whatever the log then holds.
    throw new Error(`commit of router ${header.router} was not stored`, { cause });
  }
}

/** Commits that assert nothing to a partition only move its clocks on. */
function isUrgent(entry: StoredEntry, partition: Partition): boolean {
  try {
    return commitOf(entry).concerns(partition);
  } catch {
    // The fold reports what is wrong with it.
    return true;
  }
}
