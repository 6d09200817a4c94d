// Reads a stream in order through an ordered consumer (no acknowledgements: the place is kept by
// whoever reads). A bounded buffer stands between the consumer and the reader.
//
// A consumer that stays silent although the log goes on fails, and whoever reads opens another: the client
// recovers by itself from most of what may happen to one, but not from everything.
import { DeliverPolicy, type JetStreamClient, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import type { StoredEntry } from '../domain/log-entry.ts';
import { isTracing, TRACEPARENT } from '../runtime/trace.ts';
import type { LogCursor } from '../ports.ts';

/** Not a bound in bytes: the client then asks for 100 messages at a time, and waits for each hundred. */
const PULL_ENTRIES = 1_000;
const BATCH_BYTES_MAX = 1024 * 1024;
const BUFFERED_ENTRIES_MAX = 20_000;
/** Longer than the client takes to notice missing heartbeats. */
const STALL_CHECK_MS = 30_000;

/** @param stallCheckMs a consumer that leaves an entry undelivered from one check to the next fails */
export async function openCursor(js: JetStreamClient, stream: string, subjects: string[], afterSeq: number, stallCheckMs = STALL_CHECK_MS): Promise<LogCursor> {
  const jsm = await js.jetstreamManager();
  const consumer = await js.consumers.get(stream, {
    filter_subjects: subjects,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: afterSeq + 1,
  });
  const firstAfter = async (seq: number): Promise<number> => {
    const found = await Promise.all(subjects.map((subject) => jsm.direct.getMessage(stream, { seq: seq + 1, next_by_subj: subject })));
    return Math.min(...found.map((message) => message?.seq ?? Infinity));
  };
  return new NatsCursor(await consumer.consume({ max_messages: PULL_ENTRIES }), { afterSeq, firstAfter, stallCheckMs });
}

interface Place {
  readonly afterSeq: number;
  /** Sequence of the first entry after one, as the server says; Infinity when there is none. */
  readonly firstAfter: (seq: number) => Promise<number>;
  readonly stallCheckMs: number;
}

class NatsCursor implements LogCursor {
  readonly #messages: ConsumerMessages;
  readonly #buffer: StoredEntry[] = [];
  /** What the server still had for this consumer when it sent the last message. */
  #pending = 0;
  #isWoken = false;
  #isClosed = false;
  #failure: Error | undefined;
  #notifyReader: (() => void) | undefined;
  #notifyPump: (() => void) | undefined;
  readonly #firstAfter: Place['firstAfter'];
  readonly #stallCheck: NodeJS.Timeout;
  #lastSeq: number;
  /** What had not been delivered at the last check. */
  #missingSeq = Infinity;

  constructor(messages: ConsumerMessages, { afterSeq, firstAfter, stallCheckMs }: Place) {
    this.#messages = messages;
    this.#lastSeq = afterSeq;
    this.#firstAfter = firstAfter;
    this.#stallCheck = setInterval(() => void this.#checkStall(), stallCheckMs).unref();
    this.#pump().catch((error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))));
  }

  async next(entriesMax: number): Promise<StoredEntry[]> {
    while (this.#buffer.length === 0 && !this.#isWoken && !this.#isClosed && !this.#failure) {
      await new Promise<void>((resolve) => (this.#notifyReader = resolve));
    }
    this.#isWoken = false;
    if (this.#buffer.length === 0 && this.#failure) throw this.#failure;
    const entries = this.#buffer.splice(0, this.#fitting(entriesMax));
    this.#notifyPump?.();
    return entries;
  }

  /** How many of the buffered entries make a batch: a commit of what follows from them is bounded, too. */
  #fitting(entriesMax: number): number {
    let bytes = 0;
    const end = this.#buffer.findIndex((entry, index) => {
      bytes += entry.data.length;
      return index >= entriesMax || (index > 0 && bytes > BATCH_BYTES_MAX);
    });
    return end < 0 ? this.#buffer.length : end;
  }

  get behind(): number {
    return this.#buffer.length + this.#pending;
  }

  wake(): void {
    this.#isWoken = true;
    this.#notifyReader?.();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#stallCheck);
    this.#notifyReader?.();
    this.#notifyPump?.();
    await this.#messages.close();
  }

  async #pump(): Promise<void> {
    for await (const message of this.#messages) {
      const { info } = message;
      this.#pending = info.pending;
      this.#lastSeq = message.seq;
      this.#buffer.push({ seq: message.seq, timeMs: Math.floor(info.timestampNanos / 1e6), subject: message.subject, data: message.data, ...traceOf(message) });
      this.#notifyReader?.();
      while (this.#buffer.length >= BUFFERED_ENTRIES_MAX && !this.#isClosed) {
        await new Promise<void>((resolve) => (this.#notifyPump = resolve));
      }
    }
    if (!this.#isClosed) throw new Error('the consumer of the log ended');
  }

  async #checkStall(): Promise<void> {
    if (this.#buffer.length > 0 || this.#failure) return;
    const lastSeq = this.#lastSeq;
    const missingSeq = await this.#firstAfter(lastSeq).catch(() => Infinity);
    const isMissing = missingSeq < Infinity && this.#lastSeq === lastSeq && !this.#isClosed;
    if (isMissing && missingSeq === this.#missingSeq) {
      this.#fail(new Error(`the consumer of the log delivers nothing after ${lastSeq}, and ${missingSeq} is there`));
      await this.#messages.close();
    }
    this.#missingSeq = isMissing ? missingSeq : Infinity;
  }

  #fail(error: Error): void {
    clearInterval(this.#stallCheck);
    this.#failure ??= error;
    this.#notifyReader?.();
  }
}

/** Headers are parsed when they are asked for: not at all while nobody traces. */
function traceOf(message: JsMsg): Pick<StoredEntry, 'trace'> {
  const traceparent = isTracing() ? message.headers?.get(TRACEPARENT) : undefined;
  return traceparent ? { trace: traceparent } : {};
}
