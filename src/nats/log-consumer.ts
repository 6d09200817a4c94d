// One ordered JetStream consumer, and its recovery. It acknowledges nothing: its reader knows how far it has read.
//
// What the client does not do (@nats-io/jetstream 3.4, consumer.js), this does:
// - When the server has lost the consumer, in a restart for one, the client creates another after the last sequence it has received, but
//   goes on counting the messages that it had asked the old one for: it asks for a few, and then for none for half a minute. Once it
//   has done so, this opens a consumer of its own choosing after the last entry that was delivered, and the receiver does not notice.
// - A consumer may be silent for other reasons. One that stays silent although the log goes on fails, and its reader opens another.
import { type Consumer, type ConsumerMessages, DeliverPolicy, type JetStreamClient, type JsMsg } from '@nats-io/jetstream';
import type { StoredEntry } from '../domain/log-entry.ts';
import { isTracing, TRACEPARENT } from '../runtime/trace.ts';
import { ACCEPTED_UP_TO, READINGS_PREFIX } from './streams.ts';

/** Not a bound in bytes: the client then asks for 100 messages at a time, and waits for each hundred. */
const PULL_ENTRIES = 1_000;
/** Two or three of these, and a silent consumer has failed. */
export const STALL_CHECK_MS = 2_000;

export interface ConsumerPlace {
  readonly stream: string;
  /** None for everything. With several the server reads the stream many times as slowly. */
  readonly subjects: readonly string[];
  readonly afterSeq: number;
  /** A consumer that leaves an entry undelivered from one check to the next fails. */
  readonly stallCheckMs: number;
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
  /** At the last check: what had been received, and what had not been delivered. */
  #receivedBefore = 0;
  #missingSeq = Infinity;

  constructor(js: JetStreamClient, place: ConsumerPlace, receiver: Receiver) {
    this.#js = js;
    this.#place = place;
    this.#receiver = receiver;
    this.#lastSeq = place.afterSeq;
    this.opened = this.#open();
    this.opened.then(() => this.#run()).catch((error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))));
  }

  /** Entries that the server had for this consumer and that were not delivered here, when it sent the last one. */
  get pending(): number {
    return this.#pending;
  }

  /** Safe to call twice. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #open(): Promise<void> {
    const { stream, subjects } = this.#place;
    this.#consumer = await this.#js.consumers.get(stream, {
      ...(subjects.length === 0 ? {} : { filter_subjects: [...subjects] }),
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#lastSeq + 1,
    });
    this.#pending = (await this.#consumer.info(true)).num_pending;
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
      await this.#open();
    }
  }

  async #deliver(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      if (this.#closing) return;
      this.#pending = message.info.pending;
      this.#lastSeq = message.seq;
      const goesOn = this.#receiver.deliver(entryOf(message));
      if (goesOn === true) continue;
      this.#isReceiverBusy = true;
      const isWanted = await goesOn;
      this.#isReceiverBusy = false;
      // Not waited for: the messages end when this loop has.
      if (!isWanted) return void this.close();
    }
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
    if (!this.#closing) this.#stallCheck = setTimeout(() => void this.#checkStall().then(() => this.#checkStallLater()), this.#place.stallCheckMs).unref();
  }

  /** The first entry after one, as the server says; Infinity when there is none, or the server does not answer. */
  async #firstAfter(seq: number): Promise<number> {
    const { stream, subjects } = this.#place;
    try {
      const jsm = await this.#js.jetstreamManager(false);
      const found = await Promise.all((subjects.length === 0 ? ['>'] : subjects).map((subject) => jsm.direct.getMessage(stream, { seq: seq + 1, next_by_subj: subject })));
      return Math.min(...found.map((message) => message?.seq ?? Infinity));
    } catch {
      return Infinity;
    }
  }

  async #checkStall(): Promise<void> {
    const [received, lastSeq] = [this.#messages?.getReceived() ?? 0, this.#lastSeq];
    const isIdle = received === this.#receivedBefore && received === this.#messages?.getProcessed() && !this.#isReceiverBusy;
    this.#receivedBefore = received;
    const missingSeq = isIdle ? await this.#firstAfter(lastSeq) : Infinity;
    const isMissing = missingSeq < Infinity && this.#messages?.getReceived() === received;
    if (isMissing && missingSeq === this.#missingSeq) this.#fail(new Error(`the consumer of the log delivers nothing after ${lastSeq}, and ${missingSeq} is there`));
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
  const entry = { seq: message.seq, timeMs: Math.floor(message.info.timestampNanos / 1e6), subject: message.subject, data: message.data };
  return trace || mark ? { ...entry, ...(trace ? { trace } : {}), ...(mark ? { mark } : {}) } : entry;
}
