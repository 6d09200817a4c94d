// The READINGS stream. The stream's subject transform, and not this code, assigns the messages of a DPU to a
// partition.
import {
  type JetStreamClient,
  JetStreamApiError,
  JetStreamError,
  type JetStreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import { SpanKind } from '@opentelemetry/api';
import { headers, type NatsConnection } from 'nats';
import { Failure } from '../domain/failure.ts';
import type { DpuId, Partition } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { inSpan } from '../runtime/trace.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogBounds, LogCursor } from '../ports/log.ts';
import type {
  LogUsage,
  PublishedTopics,
  ReadingsLog,
  RecentMessage,
  RecentMessages,
  StoredMessage,
  StoredMessages,
} from '../ports/readings-log.ts';
import { newestMessages, type BatchRequest } from './newest-messages.ts';
import { readingsMode } from './read-mode.ts';
import { returnsAll } from './returned-messages.ts';
import { boundsOf, heldOf, messageAt } from './stored-messages.ts';
import { StreamEnd } from './stream-end.ts';
import { StreamReader, type Silence } from './stream-reader.ts';
import { traced } from './trace-headers.ts';
import {
  ACCEPTED_UP_TO,
  closedForReadings,
  openForReadings,
  messagesOf,
  payloadsOf,
  partitionOfReading,
  READINGS,
  readingsBytesOf,
  readingsOf,
  payloadSubject,
  readingSubject,
  acceptsReadings,
  tickSubject,
  topicOfEntry,
  topicSubject,
} from './streams.ts';

const BATCH_MESSAGES = 1_000;
const BATCH_WITHIN_MS = 10_000;

function marked(options: ReturnType<typeof traced>, mark: string | undefined): ReturnType<typeof traced> {
  if (mark === undefined) return options;
  const carrier = options.headers ?? headers();
  carrier.set(ACCEPTED_UP_TO, mark);
  return { headers: carrier };
}

/**
 * Error codes: the limit of the stream (10077) or of the server (10023, 10047) is reached, or the stream only accepts
 * ticks (10054).
 */
const FULL = new Set([10077, 10023, 10047, 10054]);
const FULL_MESSAGE =
  'the log of readings is full until those in it have been counted and stored in ClickHouse; send the reading again later';
const FULL_RETRY_S = 30;

/** The answer if nothing can be read from a sequence on. */
function isNotFound(error: Error): boolean {
  return error instanceof JetStreamError && error.message === 'message not found';
}

export class NatsReadingsLog implements ReadingsLog, StoredMessages, PublishedTopics, RecentMessages {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #reader: StreamReader;
  /** By partition: its newest entry, and the end of the stream before it was read. */
  readonly #newest = new Map<Partition, { readonly end: string; readonly ms: number }>();
  readonly #end: StreamEnd;

  /**
   * @param partitions the stream's number of partitions; if omitted, every partition is read by its own consumer
   * @param disconnects how often the connection was lost
   */
  constructor(
    nc: NatsConnection,
    js: JetStreamClient,
    jsm: JetStreamManager,
    partitions = Infinity,
    disconnects = (): number => 0,
  ) {
    this.#nc = nc;
    this.#js = js;
    this.#jsm = jsm;
    this.#end = new StreamEnd(async () => boundsOf(jsm, READINGS));
    this.#reader = new StreamReader(js, {
      stream: READINGS,
      end: this.#end,
      partitionOf: partitionOfReading,
      catchUpSubjects: (partition) => [readingsOf(partition)],
      partitions,
      disconnects,
      modeFor: (open, now) => readingsMode(open, partitions, now),
    });
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return this.#reader.open(partition, afterSeq);
  }

  /** Silent consumers of the stream in this process. */
  get silence(): Silence {
    return this.#reader.silence;
  }

  async append(dpuId: DpuId, data: Uint8Array, mark?: string): Promise<void> {
    await this.#publish(readingSubject(dpuId), data, mark);
  }

  async appendPayload(device: DpuId, adapter: string, data: Uint8Array): Promise<void> {
    await this.#publish(payloadSubject(device, adapter), data);
  }

  async restore({ topic, data }: StoredMessage): Promise<void> {
    await this.#publish(topicSubject(topic), data);
  }

  async #publish(subject: string, data: Uint8Array, mark?: string): Promise<void> {
    const options = { kind: SpanKind.PRODUCER, attributes: { 'density.subject': subject } };
    await inSpan('publish readings', options, async () =>
      this.#js.publish(subject, data, marked(traced(), mark)),
    ).catch((error: unknown) => {
      if (error instanceof JetStreamApiError && FULL.has(error.code))
        throw new Failure('unavailable', FULL_MESSAGE, { cause: error, retryAfterSeconds: FULL_RETRY_S });
      throw error;
    });
  }

  async *storedBetween(fromMs: number, toMs: number): AsyncGenerator<StoredMessage> {
    let from: { start_time: Date } | { seq: number } = { start_time: new Date(fromMs) };
    for (;;) {
      const batch = await this.#batch(from);
      for (const { subject, data, time } of batch) {
        if (time.getTime() > toMs) return;
        const topic = topicOfEntry(subject);
        if (topic !== undefined) yield { topic, data };
      }
      const last = batch.at(-1);
      if (last === undefined || last.pending === 0) return;
      from = { seq: last.seq + 1 };
    }
  }

  async topicsOf(device: DpuId): Promise<string[]> {
    const { state } = await this.#jsm.streams.info(READINGS, { subjects_filter: messagesOf(device) });
    return Object.keys(state.subjects ?? {}).flatMap((subject) => topicOfEntry(subject) ?? []);
  }

  async newestPayloadSeq(device: DpuId, adapter: string): Promise<number> {
    const messages = await Promise.all(
      payloadsOf(device, adapter).map((subject) => this.#jsm.streams.getMessage(READINGS, { last_by_subj: subject })),
    );
    return Math.max(0, ...messages.map((message) => message?.seq ?? 0));
  }

  async newestOf(device: DpuId, limit: number, bytesMax: number): Promise<RecentMessage[]> {
    const subject = messagesOf(device);
    const newest = await this.#jsm.streams.getMessage(READINGS, { last_by_subj: subject });
    if (!newest) return [];
    const { firstSeq } = await this.bounds();
    const found = { subject, firstSeq, lastSeq: newest.seq, limit };
    return newestMessages(
      async (request) => this.#batch(request),
      found,
      ({ seq, time, subject: at, data }) => ({
        seq,
        storedMs: Math.floor(time.getTime()),
        subject: topicSubject(topicOfEntry(at) ?? at),
        bytes: data.length,
        // A copy, so that the rest of the message is not kept.
        beginning: data.slice(0, bytesMax),
      }),
    );
  }

  async tick(partition: Partition): Promise<void> {
    // Needs no acknowledgement, because the next tick compensates for a lost one.
    this.#nc.publish(tickSubject(partition));
  }

  async bounds(): Promise<LogBounds> {
    const { firstSeq, lastSeq } = await this.#end.now();
    return { firstSeq, lastSeq };
  }

  async at(seq: number): Promise<StoredEntry | undefined> {
    const message = await messageAt(this.#jsm, READINGS, seq);
    return (
      message && { seq: message.seq, timeMs: message.time.getTime(), subject: message.subject, data: message.data }
    );
  }

  async unreadable(afterSeq: number, toSeq: number): Promise<number[]> {
    const missing: number[] = [];
    for (let next = Math.max(afterSeq + 1, (await this.bounds()).firstSeq); next <= toSeq;) {
      const whole = { fromSeq: next, toSeq: Math.min(toSeq, next + BATCH_MESSAGES - 1) };
      if (await returnsAll(this.#nc, READINGS, whole, BATCH_WITHIN_MS)) {
        next = whole.toSeq + 1;
        continue;
      }
      const batch = await this.#batch({ seq: next });
      // If the batch is empty, nothing can be read from here on.
      for (const seq of batch.length > 0 ? batch.map((message) => message.seq) : [toSeq + 1]) {
        while (next < seq && next <= toSeq) missing.push(next++);
        next = seq + 1;
      }
    }
    const unread: number[] = [];
    // Read from the leader, because the replica that returned the batch may lag. What was purged meanwhile is not held.
    for (const seq of missing.length === 0 ? missing : await heldOf(this.#jsm, READINGS, missing))
      if ((await messageAt(this.#jsm, READINGS, seq)) === undefined) unread.push(seq);
    return unread;
  }

  async lastSeqBefore(ms: number): Promise<number> {
    const { lastSeq } = await this.bounds();
    if (lastSeq === 0) return 0;
    const next = await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(ms) });
    return next ? next.seq - 1 : lastSeq;
  }

  // Uses a callback, because the client's iterator leaks its subscription, and never ends if the connection is lost.
  async #batch(from: { start_time: Date } | { seq: number } | BatchRequest): Promise<StoredMsg[]> {
    return new Promise((resolve, reject) => {
      const messages: StoredMsg[] = [];
      const callback = (done: { err?: Error } | null, message: StoredMsg): void => {
        if (done === null) return void messages.push(message);
        clearTimeout(late);
        if (done.err && !isNotFound(done.err)) reject(done.err);
        else resolve(messages);
      };
      const asked = this.#jsm.direct.getBatch(READINGS, { batch: BATCH_MESSAGES, ...from, callback });
      asked.catch(reject);
      const late = setTimeout(
        () => void asked.then((batch) => batch.stop(new Error(`${READINGS} does not answer`))),
        BATCH_WITHIN_MS,
      );
    });
  }

  async newestMs(partition: Partition): Promise<number> {
    // While nobody passes, the end of the stream tells for all partitions that nothing is newer.
    const { lastSeq, lastTime } = await this.#end.now();
    const end = `${lastSeq} ${lastTime}`;
    const known = this.#newest.get(partition);
    if (known?.end === end) return known.ms;
    // Not a direct get, which may be answered by a replica that lags behind what was acknowledged.
    const message = await this.#jsm.streams.getMessage(READINGS, { last_by_subj: readingsOf(partition) });
    const ms = message ? Math.floor(message.time.getTime()) : BEGINNING_MS;
    this.#newest.set(partition, { end, ms });
    return ms;
  }

  async purge(beforeSeq: number, beforeMs: number): Promise<void> {
    const kept = await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(beforeMs) });
    const seq = Math.min(beforeSeq, kept?.seq ?? beforeSeq);
    if (seq > 1) await this.#jsm.streams.purge(READINGS, { seq });
  }

  async usage(): Promise<LogUsage> {
    const {
      config,
      state: { bytes, first_seq: firstSeq, last_seq: lastSeq },
    } = await this.#jsm.streams.info(READINGS);
    const bytesMax = readingsBytesOf(config);
    return {
      usedFraction: bytesMax > 0 ? bytes / bytesMax : 0,
      acceptsReadings: acceptsReadings(config),
      firstSeq,
      lastSeq,
    };
  }

  async firstSeqFrom(partition: Partition, seq: number): Promise<number | undefined> {
    return (await this.#jsm.direct.getMessage(READINGS, { next_by_subj: readingsOf(partition), seq: Math.max(1, seq) }))
      ?.seq;
  }

  async setAcceptsReadings(isWanted: boolean): Promise<void> {
    const { config } = await this.#jsm.streams.info(READINGS);
    if (acceptsReadings(config) !== isWanted)
      await this.#jsm.streams.update(
        READINGS,
        isWanted ? openForReadings(readingsBytesOf(config)) : closedForReadings(readingsBytesOf(config)),
      );
  }
}
