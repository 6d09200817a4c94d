// An ordered JetStream consumer that recovers from failures which the client library does not handle. It acknowledges
// nothing: the reader knows how far it has read.
//
// It works around two gaps in @nats-io/jetstream 3.4 (consumer.js):
// - If the server loses the consumer, for example in a restart, the client creates another one but still counts the
//   messages that it had requested from the old one. It then requests a few more, and none at all for half a minute.
//   So when the client has replaced its consumer, this class opens a new one after the last delivered entry. The
//   receiver does not notice.
// - A consumer may stop delivering for other reasons. If it stays silent although the log has more entries, it fails,
//   and its reader opens another.
import {
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JsMsg,
  type SeqMsgRequest,
} from '@nats-io/jetstream';
import type { StoredEntry } from '../domain/log-entry.ts';
import { LogWentBack } from '../domain/log-mark.ts';
import { messageAt } from './stored-messages.ts';
import type { StreamEnd } from './stream-end.ts';
import { untilSharedInstant } from '../runtime/shared-instants.ts';
import { isTracing, TRACEPARENT } from '../runtime/trace.ts';
import { ACCEPTED_UP_TO, READINGS_PREFIX } from './streams.ts';

/**
 * A number of messages rather than of bytes: with a limit in bytes the client requests only 100 at a time, and waits
 * for them.
 */
const PULL_ENTRIES = 1_000;
/** A silent consumer fails at its second check, or at the third if it delivered something since the first. */
export const STALL_CHECK_MS = 1_250;

/** A consumer does not deliver an entry although it is in the log. */
export class SilentConsumer extends Error {
  override readonly name = 'SilentConsumer';
}

export interface ConsumerPlace {
  readonly stream: string;
  /**
   * The filter; an empty list selects all. With more than one subject the server reads the stream many times slower.
   */
  readonly subjects: readonly string[];
  readonly afterSeq: number;
  /** The interval between checks for silence. */
  readonly stallCheckMs: number;
  /**
   * How often the connection was lost. After each loss, the consumer checks that the stream still holds what it
   * delivered.
   */
  readonly disconnects: () => number;
  readonly end: StreamEnd;
}

/** Receives the entries of a consumer. */
export interface Receiver {
  /** Takes an entry; if the result is a promise, the consumer waits for it. @returns false to close the consumer */
  deliver(entry: StoredEntry): boolean | Promise<boolean>;
  /** The consumer could not be opened, has ended, or is silent. Called at most once, and not after `close`. */
  failed(error: Error): void;
}

export class LogConsumer {
  /** Rejects when the consumer could not be created. */
  readonly opened: Promise<void>;
  readonly #js: JetStreamClient;
  readonly #place: ConsumerPlace;
  readonly #receiver: Receiver;
  #consumer: Consumer | undefined;
  #messages: ConsumerMessages | undefined;
  #stallCheck: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #isReceiverBusy = false;
  /** The client has replaced the consumer. */
  #isReset = false;
  #pending = 0;
  #lastSeq: number;
  /**
   * The entry after which a new consumer would start: the last delivered one, or the one after which this consumer
   * was opened.
   */
  #last: { readonly seq: number; readonly timeMs: number | undefined } | undefined;
  #disconnects: number;
  /** Messages received at the time of the last check. */
  #receivedBefore = 0;
  /** The first entry that the last check found undelivered; Infinity if none. */
  #missingSeq = Infinity;
  /** When the last entry of the stream was stored at the last check, if that found nothing undelivered. */
  #completeUpTo: string | undefined;

  constructor(js: JetStreamClient, place: ConsumerPlace, receiver: Receiver) {
    this.#js = js;
    this.#place = place;
    this.#receiver = receiver;
    this.#lastSeq = place.afterSeq;
    this.#disconnects = place.disconnects();
    this.opened = this.#open();
    this.opened
      .then(() => this.#run())
      .catch((error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))));
  }

  /** Entries that were pending for this consumer when the server sent the last one. */
  get pending(): number {
    return this.#pending;
  }

  /** True while an entry is overdue. If it is still overdue at the next check, the consumer fails. */
  get isSilent(): boolean {
    return this.#missingSeq < Infinity && !this.#closing;
  }

  /** May be called twice. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #open(): Promise<void> {
    const { stream, subjects } = this.#place;
    this.#consumer = await this.#js.consumers.get(stream, {
      ...(subjects.length === 0 ? {} : { filter_subjects: [...subjects] }),
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#lastSeq + 1,
    });
    this.#pending = (await this.#consumer.info(true)).num_pending;
    if (!this.#last && this.#lastSeq > 0) {
      const there = await messageAt(await this.#js.jetstreamManager(false), stream, this.#lastSeq);
      this.#last = { seq: this.#lastSeq, timeMs: there?.time.getTime() };
    }
    this.#messages = await this.#consumer.consume({ max_messages: PULL_ENTRIES });
    this.#receivedBefore = 0;
    this.#isReset = false;
    void this.#watch(this.#messages);
    this.#checkStallLater();
    if (this.#closing) this.#discard();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#stallCheck);
    await this.opened.catch(() => undefined);
    this.#discard();
    await this.#messages?.closed();
  }

  /** Does not wait for the server, which removes an unread consumer after five minutes anyway. */
  #discard(): void {
    void this.#messages?.close();
    this.#consumer?.delete().catch(() => undefined);
  }

  async #run(): Promise<void> {
    // Runs even while closing, because the client ends the messages only if someone iterates over them.
    while (this.#messages) {
      await this.#deliver(this.#messages);
      if (this.#closing) return;
      if (!this.#isReset) throw new Error('the consumer ended');
      this.#discard();
      await this.#assertUnchanged();
      await this.#open();
    }
  }

  async #deliver(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      if (this.#closing) return;
      this.#pending = message.info.pending;
      if (this.#place.disconnects() !== this.#disconnects) await this.#assertUnchanged();
      this.#lastSeq = message.seq;
      const entry = entryOf(message);
      this.#last = entry;
      const answer = this.#receiver.deliver(entry);
      if (answer === true) continue;
      this.#isReceiverBusy = true;
      const isMoreWanted = await answer;
      this.#isReceiverBusy = false;
      // Not awaited, because the messages end only after this loop does.
      if (!isMoreWanted) return void this.close();
    }
  }

  /**
   * @throws LogWentBack if the stream no longer holds the last delivered entry
   */
  async #assertUnchanged(): Promise<void> {
    const disconnects = this.#place.disconnects();
    if (this.#last) {
      const { seq, timeMs } = this.#last;
      const { stream } = this.#place;
      const jsm = await this.#js.jetstreamManager(false);
      const there = await messageAt(jsm, stream, seq);
      const isOther = there !== undefined && (timeMs === undefined || Math.abs(there.time.getTime() - timeMs) > 1);
      const isGone = isOther || (!there && (await this.#place.end.now()).lastSeq < seq);
      if (isGone) throw new LogWentBack(`${stream} does not hold entry ${seq}, which was read from it`);
    }
    this.#disconnects = disconnects;
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type !== 'ordered_consumer_recreated') continue;
      this.#isReset = true;
      // Messages already received are still delivered.
      void messages.close();
    }
  }

  #checkStallLater(): void {
    clearTimeout(this.#stallCheck);
    if (!this.#closing)
      this.#stallCheck = setTimeout(
        () => void this.#checkStall().then(() => this.#checkStallLater()),
        untilSharedInstant(performance.now(), this.#place.stallCheckMs),
      ).unref();
  }

  /**
   * The first entry after `seq` according to the log's leader, because a replica may lag. Infinity if there is none,
   * undefined without a reply. While the stream has not grown, its end answers for all of its consumers.
   */
  async #firstAfter(seq: number): Promise<number | undefined> {
    const { stream, subjects, end, stallCheckMs } = this.#place;
    try {
      const { lastSeq, lastTime } = await end.within(stallCheckMs);
      if (lastSeq <= seq || lastTime === this.#completeUpTo) return Infinity;
      const jsm = await this.#js.jetstreamManager(false);
      const found = await Promise.all(
        (subjects.length === 0 ? ['>'] : subjects).map(async (subject) => {
          // Supported by the server, but missing in the client's types.
          const query: SeqMsgRequest & { next_by_subj: string } = { seq: seq + 1, next_by_subj: subject };
          return jsm.streams.getMessage(stream, query);
        }),
      );
      const first = Math.min(...found.map((message) => message?.seq ?? Infinity));
      this.#completeUpTo = first === Infinity ? lastTime : undefined;
      return first;
    } catch {
      return undefined;
    }
  }

  async #checkStall(): Promise<void> {
    const [received, lastSeq] = [this.#messages?.getReceived() ?? 0, this.#lastSeq];
    const isIdle =
      received === this.#receivedBefore && received === this.#messages?.getProcessed() && !this.#isReceiverBusy;
    this.#receivedBefore = received;
    const missingSeq = isIdle ? await this.#firstAfter(lastSeq) : Infinity;
    // Without a reply, the result of the last check remains valid.
    if (missingSeq === undefined) return;
    const isMissing = missingSeq < Infinity && this.#messages?.getReceived() === received;
    if (isMissing && missingSeq === this.#missingSeq)
      this.#fail(new SilentConsumer(`the consumer delivers nothing after ${lastSeq}, but the log holds ${missingSeq}`));
    this.#missingSeq = isMissing ? missingSeq : Infinity;
  }

  #fail(error: Error): void {
    if (this.#closing) return;
    void this.close();
    this.#receiver.failed(error);
  }
}

function entryOf(message: JsMsg): StoredEntry {
  // The client parses headers on first access, so they are accessed only if they are needed.
  const trace = isTracing() ? message.headers?.get(TRACEPARENT) : undefined;
  const mark = message.subject.startsWith(READINGS_PREFIX) ? message.headers?.get(ACCEPTED_UP_TO) : undefined;
  const entry = {
    seq: message.seq,
    timeMs: Math.floor(message.info.timestampNanos / 1e6),
    subject: message.subject,
    data: message.data,
  };
  return trace || mark ? { ...entry, ...(trace ? { trace } : {}), ...(mark ? { mark } : {}) } : entry;
}
