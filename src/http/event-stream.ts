// A response as a stream of server-sent events (the HTML standard's "text/event-stream"). What is written in one turn of the
// event loop is sent at once, since a system call for each event costs more than the event. Says whether it
// takes more, sends a sign of life, and gives up a client that takes nothing.
import type { ServerResponse } from 'node:http';
import type { LiveEvent, LiveSink } from '../live/subscriber.ts';
import { liveEventJson } from './live-event-json.ts';

/** What a client waits before it connects again. */
const RETRY_MS = 2_000;
/** Signs of life in a row that a client did not take. */
const BLOCKED_BEATS_MAX = 8;
/** What is left to send when a stream is ended has to be taken within this. */
const END_MAX_MS = 5_000;
/** Of one turn; more has to wait for the next. */
const PENDING_CHARS_MAX = 64 * 1024;

/** The same item goes to many subscribers: it is written out once. */
const texts = new WeakMap<object, string>();

function dataOf(event: LiveEvent): string {
  if (!('item' in event)) return JSON.stringify(liveEventJson(event));
  let text = texts.get(event.item);
  if (text === undefined) texts.set(event.item, (text = JSON.stringify(liveEventJson(event))));
  return text;
}

export class EventStream implements LiveSink {
  readonly #response: ServerResponse;
  readonly #drained: () => void;
  #blockedBeats = 0;
  #pending = '';
  /** It has taken no more, and the writer waits to hear that it does again. */
  #isAwaited = false;

  /** @param drained it takes events again, after `write` has said that it does not */
  constructor(response: ServerResponse, drained: () => void) {
    this.#response = response;
    this.#drained = drained;
    response.write(`retry: ${RETRY_MS}\n\n`);
    response.on('drain', () => this.#resume());
  }

  write(event: LiveEvent, id: string | undefined): boolean {
    if (this.#pending === '') setImmediate(() => this.#flush());
    this.#pending += `event: ${event.kind}\n${id === undefined ? '' : `id: ${id}\n`}data: ${dataOf(event)}\n\n`;
    this.#isAwaited = this.#response.writableNeedDrain || this.#pending.length >= PENDING_CHARS_MAX;
    return !this.#isAwaited;
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = '';
    if (pending === '' || this.#response.destroyed || this.#response.writableEnded) return;
    if (this.#response.write(pending)) this.#resume();
  }

  #resume(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#drained();
  }

  /** @param id the client's place, where nothing waits for it */
  beat(id: string | undefined): void {
    if (this.#response.writableEnded) return;
    // The id stands for everything that was written.
    this.#flush();
    if (this.#response.writableNeedDrain) {
      this.#blockedBeats += 1;
      if (this.#blockedBeats > BLOCKED_BEATS_MAX) this.#response.destroy();
      return;
    }
    this.#blockedBeats = 0;
    // An event without data is not shown to the client's code; its id is kept.
    this.#response.write(id === undefined ? ': alive\n\n' : `: alive\nid: ${id}\n\n`);
  }

  end(): void {
    const response = this.#response;
    this.#flush();
    response.end();
    const timer = setTimeout(() => response.destroy(), END_MAX_MS).unref();
    response.once('close', () => clearTimeout(timer));
  }
}

/** One timer for all streams. */
export class Heartbeat {
  readonly #intervalMs: number;
  readonly #beats = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  add(beat: () => void): () => void {
    this.#beats.add(beat);
    this.#timer ??= setInterval(() => this.#beats.forEach((each) => each()), this.#intervalMs).unref();
    return () => {
      this.#beats.delete(beat);
      if (this.#beats.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }
}
