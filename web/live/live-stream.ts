// Reads the live stream, and resumes it where it broke: after an error, after silence, and after the computer slept. It uses
// fetch, because EventSource cannot send a token.
import { createParser } from 'eventsource-parser';
import { parseLiveEvent, type LiveEvent } from './live-event.ts';

/** Three heartbeats: a longer silence means that the connection is dead, whatever the operating system says. */
const SILENCE_MAX_MS = 45_000;
const CHECK_MS = 5_000;
const [RETRY_MIN_MS, RETRY_MAX_MS] = [500, 8_000];

export interface LiveStreamOptions {
  /** Where the stream is. */
  readonly path: string;
  readonly headers: () => Readonly<Record<string, string>>;
  /** Asked before each attempt to connect. */
  readonly mayConnect?: () => Promise<boolean>;
  /** Called when the service refuses the credentials. */
  readonly onRefused?: () => Promise<void>;
  readonly onEvent: (event: LiveEvent) => void;
  readonly onConnected: (isConnected: boolean) => void;
}

export class LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #stopped = new AbortController();
  #connection = new AbortController();
  #wake: () => void = () => undefined;
  #lastId: string | undefined;
  #heardMs = 0;
  #retryMs = RETRY_MIN_MS;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    const { signal } = this.#stopped;
    const check = setInterval(() => this.#check(), CHECK_MS);
    signal.addEventListener('abort', () => clearInterval(check));
    for (const [target, name] of [
      [document, 'visibilitychange'],
      [window, 'online'],
      [window, 'pageshow'],
    ] as const)
      target.addEventListener(name, () => this.#check(), { signal });
    void this.#run();
  }

  stop(): void {
    this.#stopped.abort();
    this.#connection.abort();
    this.#wake();
  }

  /** Timers do not run during sleep, so this also notices that time has jumped. */
  #check(): void {
    if (this.#heardMs !== 0 && Date.now() - this.#heardMs > SILENCE_MAX_MS) this.#connection.abort();
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#connection = new AbortController();
      // Whatever broke the stream, the remedy is to connect again.
      await this.#read(this.#connection.signal).catch(() => undefined);
      this.#heardMs = 0;
      if (this.#stopped.signal.aborted) return;
      this.#options.onConnected(false);
      await this.#pause();
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { path, headers, mayConnect, onRefused } = this.#options;
    if (mayConnect && !(await mayConnect())) return;
    // A request on a connection that died during sleep is never answered.
    this.#heardMs = Date.now();
    const response = await fetch(path, {
      signal,
      headers: {
        ...headers(),
        accept: 'text/event-stream',
        ...(this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId }),
      },
    });
    if (response.status === 401 || response.status === 403) await onRefused?.();
    if (!response.ok || response.body === null) return;
    this.#heardMs = Date.now();
    this.#retryMs = RETRY_MIN_MS;
    this.#options.onConnected(true);
    await this.#readBody(response.body);
  }

  /** A chain of stream transformers would do the same, but costs the page more. */
  async #readBody(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder();
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        const parsed = parseLiveEvent(event, data);
        if (parsed) this.#options.onEvent(parsed);
        this.#lastId = id ?? this.#lastId;
      },
    });
    const chunks = body.getReader();
    for (let read = await chunks.read(); !read.done; read = await chunks.read()) {
      // Heartbeats included.
      this.#heardMs = Date.now();
      parser.feed(decoder.decode(read.value, { stream: true }));
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, this.#retryMs * (0.5 + Math.random() / 2));
    });
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }
}
