// One ordered JetStream consumer, and its recovery. It acknowledges nothing: its reader knows how far it has read.
//
// What the client does not do (@nats-io/jetstream 3.4, consumer.js), this does:
// - When the server has lost the consumer, in a restart for one, the client creates another after the last sequence it has received, but
//   goes on counting the messages that it had asked the old one for: it asks for a few, and then for none for half a minute. Once it
//   has done so, this opens a consumer of its own choosing after the last entry that was delivered, and the receiver does not notice.
// - A consumer may be silent for other reasons. One that stays silent although the log goes on fails, and its reader opens another.
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
import { boundsOf, messageAt } from './stored-messages.ts';
import { isTracing, TRACEPARENT } from '../runtime/trace.ts';
import { ACCEPTED_UP_TO, READINGS_PREFIX } from './streams.ts';

/** Not a bound in bytes: the client then asks for 100 messages at a time, and waits for each hundred. */
const PULL_ENTRIES = 1_000;
/** A silent consumer has failed after two of these, or three where it spoke since the one before. */
export const STALL_CHECK_MS = 1_250;

/** The log has an entry that its consumer does not deliver. */
export class SilentConsumer extends Error {
  override readonly name = 'SilentConsumer';
}

export interface ConsumerPlace {
  readonly stream: string;
  /** None for everything. With several the server reads the stream many times as slowly. */
  readonly subjects: readonly string[];
  readonly afterSeq: number;
  /** A consumer that leaves an entry undelivered from one check to the next fails. */
  readonly stallCheckMs: number;
  /** How often the connection was lost: after each time it is looked whether the stream still holds what was delivered. */
  readonly disconnects: () => number;
}

/** Who a consumer delivers to. */
export interface Receiver {
  /** Takes an entry, or has the consumer wait. @returns false to close it */
  deliver(entry: StoredEntry): boolean | Promise<boolean>;
  /** The consumer could not be opened, has ended or is silent. Called once, and not after `close`. */
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
  /** The entry after which it continues: the last one delivered, or the one that was there when it was opened. */
  #last: { readonly seq: number; readonly timeMs: number | undefined } | undefined;
  #disconnects: number;
  /** At the last check: what had been received, and what had not been delivered. */
  #receivedBefore = 0;
  #missingSeq = Infinity;

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

  /** Entries that the server had for this consumer and that were not delivered here, when it sent the last one. */
  get pending(): number {
    return this.#pending;
  }

  /** True once an entry is known to be missing; if it still is at the next check, the consumer has failed. */
  get isSilent(): boolean {
    return this.#missingSeq < Infinity && !this.#closing;
  }

  /** Safe to call twice. */
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

  /** The server is not waited for: it forgets a consumer that nobody reads after five minutes anyway. */
  #discard(): void {
    void this.#messages?.close();
    this.#consumer?.delete().catch(() => undefined);
  }

  async #run(): Promise<void> {
    // Also when it is being closed: messages end only where somebody iterates.
    while (this.#messages) {
      await this.#deliver(this.#messages);
      if (this.#closing) return;
      if (!this.#isReset) throw new Error('the consumer of the log ended');
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
      const goesOn = this.#receiver.deliver(entry);
      if (goesOn === true) continue;
      this.#isReceiverBusy = true;
      const isWanted = await goesOn;
      this.#isReceiverBusy = false;
      // Not waited for: the messages end when this loop has.
      if (!isWanted) return void this.close();
    }
  }

  /** @throws LogWentBack when the stream does not hold what was delivered last */
  async #assertUnchanged(): Promise<void> {
    const disconnects = this.#place.disconnects();
    if (this.#last) {
      const { seq, timeMs } = this.#last;
      const { stream } = this.#place;
      const jsm = await this.#js.jetstreamManager(false);
      const there = await messageAt(jsm, stream, seq);
      const isOther = there !== undefined && (timeMs === undefined || Math.abs(there.time.getTime() - timeMs) > 1);
      const isGone = isOther || (!there && (await boundsOf(jsm, stream)).lastSeq < seq);
      if (isGone) throw new LogWentBack(`${stream} does not hold entry ${seq}, which was read from it`);
    }
    this.#disconnects = disconnects;
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type !== 'ordered_consumer_recreated') continue;
      this.#isReset = true;
      // What has been received is still delivered.
      void messages.close();
    }
  }

  #checkStallLater(): void {
    clearTimeout(this.#stallCheck);
    if (!this.#closing)
      this.#stallCheck = setTimeout(
        () => void this.#checkStall().then(() => this.#checkStallLater()),
        this.#place.stallCheckMs,
      ).unref();
  }

  /** The first entry after one, as the log's leader says: a replica may be behind. Infinity when there is none, undefined when there is no answer. */
  async #firstAfter(seq: number): Promise<number | undefined> {
    const { stream, subjects } = this.#place;
    try {
      const jsm = await this.#js.jetstreamManager(false);
      const found = await Promise.all(
        (subjects.length === 0 ? ['>'] : subjects).map(async (subject) => {
          // The server takes it; the client's types do not say so.
          const query: SeqMsgRequest & { next_by_subj: string } = { seq: seq + 1, next_by_subj: subject };
          return jsm.streams.getMessage(stream, query);
        }),
      );
      return Math.min(...found.map((message) => message?.seq ?? Infinity));
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
    // While nobody leads the log, what was missing before still is.
    if (missingSeq === undefined) return;
    const isMissing = missingSeq < Infinity && this.#messages?.getReceived() === received;
    if (isMissing && missingSeq === this.#missingSeq)
      this.#fail(
        new SilentConsumer(`the consumer of the log delivers nothing after ${lastSeq}, and ${missingSeq} is there`),
      );
    this.#missingSeq = isMissing ? missingSeq : Infinity;
  }

  #fail(error: Error): void {
    if (this.#closing) return;
    void this.close();
    this.#receiver.failed(error);
  }
}

function entryOf(message: JsMsg): StoredEntry {
  // Headers are parsed when they are asked for: those of a commit not at all while nobody traces.
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
