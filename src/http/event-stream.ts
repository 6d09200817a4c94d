// A response as a stream of server-sent events. Events written in the same turn of the event loop are sent together,
// because a system call costs more than an event. Reports backpressure, sends heartbeats, and disconnects a client
// that does not read.
import type { ServerResponse } from 'node:http';
import type { LiveEvent, LiveSink } from '../live/subscriber.ts';
import { EventTexts } from './event-texts.ts';

/** Tells the client how long to wait before it reconnects. */
const RETRY_MS = 2_000;
/** Consecutive heartbeats during which the client has read nothing, before it is disconnected. */
const BLOCKED_BEATS_MAX = 8;
/** Time for the client to read the remaining events after the stream has ended. */
const END_MAX_MS = 5_000;
/** The maximum that is buffered in one turn of the event loop. */
const PENDING_CHARS_MAX = 64 * 1024;

/** Shared by all streams. */
const texts = new EventTexts();

export class EventStream implements LiveSink {
  readonly #response: ServerResponse;
  readonly #drained: () => void;
  #blockedBeats = 0;
  #pending = '';
  /** The writer was told to pause, and waits for `drained`. */
  #isPaused = false;

  /** @param drained called when the stream accepts events again after `write` returned false */
  constructor(response: ServerResponse, drained: () => void) {
    this.#response = response;
    this.#drained = drained;
    response.write(`retry: ${RETRY_MS}\n\n`);
    response.on('drain', () => this.#resume());
  }

  write(event: LiveEvent, id: string | undefined): boolean {
    if (this.#pending === '') setImmediate(() => this.#flush());
    this.#pending += `event: ${event.kind}\n${id === undefined ? '' : `id: ${id}\n`}data: ${texts.of(event)}\n\n`;
    this.#isPaused = this.#response.writableNeedDrain || this.#pending.length >= PENDING_CHARS_MAX;
    return !this.#isPaused;
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = '';
    if (pending === '' || this.#response.destroyed || this.#response.writableEnded) return;
    if (this.#response.write(pending)) this.#resume();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#drained();
  }

  /** Sends a heartbeat. @param id the subscriber's position, if the client has received everything up to it */
  beat(id: string | undefined): void {
    if (this.#response.writableEnded) return;
    // The id confirms everything written before it.
    this.#flush();
    if (this.#response.writableNeedDrain) {
      this.#blockedBeats += 1;
      if (this.#blockedBeats > BLOCKED_BEATS_MAX) this.#response.destroy();
      return;
    }
    this.#blockedBeats = 0;
    // Browsers do not dispatch an event without data, but they keep its id.
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
