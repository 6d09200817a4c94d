// The SPACE_EVENTS stream. A commit is one message on its router's subject, published with the expected last sequence
// of that subject, so that a superseded router is refused. A single message is atomic by itself; an atomic batch would
// cost the server fifty times as much (docs/adr/0061).
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamClient, JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { CommitHeader, Sections } from '../domain/commit.ts';
import { commitIdIn, commitOf, decodeCommit, encodeCommit } from '../domain/commit-codec.ts';
import { LogEpoch } from '../domain/log-epoch.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogBounds, LogCursor } from '../ports/log.ts';
import type { CommitOutcome, LastCommit, SpaceEventsLog } from '../ports/space-events-log.ts';
import { endOfTurn } from '../runtime/end-of-turn.ts';
import { openCursor } from './log-cursor.ts';
import { boundsOf, messageAt } from './stored-messages.ts';
import { StreamEnd } from './stream-end.ts';
import { StreamReader, type Silence } from './stream-reader.ts';
import { traced } from './trace-headers.ts';
import { routerSubject, SPACE_EVENTS } from './streams.ts';

const [LAST_COMMIT_ATTEMPTS, LAST_COMMIT_RETRY_MS] = [4, 250];
/**
 * A commit that is sent while the log has no leader is never answered. A short timeout lets the router recover soon
 * after there is a leader.
 */
const COMMIT_TIMEOUT_MS = 4_000;

export class NatsSpaceEventsLog implements SpaceEventsLog {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #epoch: LogEpoch;
  readonly #reader: StreamReader;
  readonly #end: StreamEnd;

  /** @param disconnects how often the connection was lost */
  constructor(js: JetStreamClient, jsm: JetStreamManager, epoch = new LogEpoch(), disconnects = (): number => 0) {
    this.#epoch = epoch;
    this.#js = js;
    this.#jsm = jsm;
    this.#end = new StreamEnd(async () => boundsOf(jsm, SPACE_EVENTS));
    this.#reader = new StreamReader(js, {
      stream: SPACE_EVENTS,
      end: this.#end,
      partitionOf: () => 'all',
      catchUpSubjects: () => [],
      isUrgent,
      disconnects,
    });
  }

  async open(partition: Partition, afterSeq: number, othersAfterSeq = afterSeq): Promise<LogCursor> {
    return this.#reader.open(partition, afterSeq, othersAfterSeq);
  }

  async openRouter(router: Partition, afterSeq: number): Promise<LogCursor> {
    return openCursor(this.#js, SPACE_EVENTS, [this.#subject(router)], afterSeq);
  }

  /** Silent consumers of the stream in this process. */
  get silence(): Silence {
    return this.#reader.silence;
  }

  async lastCommit(router: Partition): Promise<LastCommit> {
    const ask = async (): Promise<StoredMsg | null> =>
      this.#jsm.direct.getMessage(SPACE_EVENTS, { last_by_subj: this.#subject(router) });
    let message = await ask();
    // While a subject is being truncated, the server may briefly claim that it has no messages.
    for (
      let attempts = 1;
      !message && attempts < LAST_COMMIT_ATTEMPTS && (await this.bounds()).lastSeq > 0;
      attempts++
    ) {
      await sleep(LAST_COMMIT_RETRY_MS);
      message = await ask();
    }
    return { seq: message?.seq ?? 0, header: message ? decodeCommit(message).header : undefined };
  }

  async firstCommitFrom(router: Partition, seq: number): Promise<CommitHeader | undefined> {
    const message = await this.#jsm.direct.getMessage(SPACE_EVENTS, {
      next_by_subj: this.#subject(router),
      seq: Math.max(1, seq),
    });
    return message ? decodeCommit(message).header : undefined;
  }

  async commit(header: CommitHeader, sections: Sections, expectedSeq: number): Promise<CommitOutcome> {
    const options = { expect: { lastSubjectSequence: expectedSeq }, timeout: COMMIT_TIMEOUT_MS, ...traced() };
    try {
      // Sends the commits of all routers of this process in one write.
      await endOfTurn();
      const { seq } = await this.#js.publish(
        routerSubject(header.router, header.epoch),
        encodeCommit(header, sections),
        options,
      );
      return { kind: 'committed', seq };
    } catch (error) {
      // After an error the outcome is unknown, and only the log shows it.
      return this.#settle(header, expectedSeq, error);
    }
  }

  async end(): Promise<number> {
    return (await this.bounds()).lastSeq;
  }

  async bounds(): Promise<LogBounds> {
    const { firstSeq, lastSeq } = await this.#end.now();
    return { firstSeq, lastSeq };
  }

  async commitIdAt(seq: number): Promise<string | undefined> {
    const message = await messageAt(this.#jsm, SPACE_EVENTS, seq);
    return message && commitIdIn(message);
  }

  async begin(header: CommitHeader): Promise<number> {
    const subject = routerSubject(header.router, header.epoch);
    try {
      return (
        await this.#js.publish(subject, encodeCommit(header, new Map()), {
          expect: { lastSubjectSequence: 0 },
          timeout: COMMIT_TIMEOUT_MS,
        })
      ).seq;
    } catch (error) {
      const message = await this.#jsm.direct.getMessage(SPACE_EVENTS, { last_by_subj: subject });
      if (message && decodeCommit(message).header.commitId === header.commitId) return message.seq;
      throw error;
    }
  }

  async removeOlderEpochs(beforeSeq: number): Promise<void> {
    const { state } = await this.#jsm.streams.info(SPACE_EVENTS, { subjects_filter: '>' });
    const suffix = this.#epoch.current === 0 ? '' : `-${this.#epoch.current}`;
    for (const subject of Object.keys(state.subjects ?? {})) {
      const isCurrent = suffix === '' ? !subject.includes('-') : subject.endsWith(suffix);
      if (!isCurrent) await this.#jsm.streams.purge(SPACE_EVENTS, { filter: subject, seq: beforeSeq });
    }
  }

  async truncate(router: Partition, beforeSeq: number): Promise<void> {
    // The server interprets sequence 0 as "everything".
    if (beforeSeq > 1) await this.#jsm.streams.purge(SPACE_EVENTS, { filter: this.#subject(router), seq: beforeSeq });
  }

  #subject(router: Partition): string {
    return routerSubject(router, this.#epoch.current);
  }

  /**
   * Determines the outcome of a commit from the router's last commit in the log, which names the attempt that wrote
   * it.
   */
  async #settle(header: CommitHeader, expectedSeq: number, cause: unknown): Promise<CommitOutcome> {
    const last = await this.lastCommit(header.router);
    if (last.header?.commitId === header.commitId) return { kind: 'committed', seq: last.seq };
    if (last.seq !== expectedSeq) return { kind: 'superseded' };
    // The log has neither this commit nor another one. This commit may still arrive, so it must not be retried
    // unchanged: the caller restarts from whatever the log then holds.
    throw new Error(`commit of router ${header.router} was not stored`, { cause });
  }
}

/**
 * A commit that asserts nothing to a partition only advances its clocks, so a reader can be woken a little later for
 * it.
 */
function isUrgent(entry: StoredEntry, partition: Partition): boolean {
  try {
    return commitOf(entry).concerns(partition);
  } catch {
    // The fold will report what is wrong with the commit.
    return true;
  }
}
