// Reads a stream in order through an ordered consumer (no acknowledgements: the place is kept by
// whoever reads). A bounded buffer stands between the consumer and the reader.
import { DeliverPolicy, type JetStreamClient, type ConsumerMessages } from '@nats-io/jetstream';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogCursor } from '../ports.ts';

/** Not a bound in bytes: the client then asks for 100 messages at a time, and waits for each hundred. */
const PULL_ENTRIES = 1_000;
const BATCH_BYTES_MAX = 1024 * 1024;
const BUFFERED_ENTRIES_MAX = 20_000;

export async function openCursor(js: JetStreamClient, stream: string, subjects: string[], afterSeq: number): Promise<LogCursor> {
  const consumer = await js.consumers.get(stream, {
    filter_subjects: subjects,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: afterSeq + 1,
  });
  return new NatsCursor(await consumer.consume({ max_messages: PULL_ENTRIES }));
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

  constructor(messages: ConsumerMessages) {
    this.#messages = messages;
    this.#pump().catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#notifyReader?.();
    });
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
    this.#notifyReader?.();
    this.#notifyPump?.();
    await this.#messages.close();
  }

  async #pump(): Promise<void> {
    for await (const message of this.#messages) {
      const { info } = message;
      this.#pending = info.pending;
      this.#buffer.push({ seq: message.seq, timeMs: Math.floor(info.timestampNanos / 1e6), subject: message.subject, data: message.data });
      this.#notifyReader?.();
      while (this.#buffer.length >= BUFFERED_ENTRIES_MAX && !this.#isClosed) {
        await new Promise<void>((resolve) => (this.#notifyPump = resolve));
      }
    }
    if (!this.#isClosed) throw new Error('the consumer of the log ended');
  }
}
