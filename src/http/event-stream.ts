// A response as a stream of server-sent events (the HTML standard's "text/event-stream"). Says whether it
// takes more, never buffers by itself, shows a sign of life, and gives up a client that takes nothing.
import type { ServerResponse } from 'node:http';
import type { LiveEvent, LiveSink } from '../live/subscriber.ts';
import { liveEventJson } from './live-event-json.ts';

/** What a client waits before it connects again. */
const RETRY_MS = 2_000;
/** Signs of life in a row that a client did not take. */
const BLOCKED_BEATS_MAX = 8;

/** The same item goes to many subscribers: it is written out once. */
const texts = new WeakMap<object, string>();

function dataOf(event: LiveEvent): string {
  if (!('item' in event)) return JSON.stringify(liveEventJson(event));
  let text = texts.get(event.item);
  if (text === undefined) texts.set(event.item, text = JSON.stringify(liveEventJson(event)));
  return text;
}

export class EventStream implements LiveSink {
  readonly #response: ServerResponse;
  #blockedBeats = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  write(event: LiveEvent, id: string | undefined): boolean {
    return this.#response.write(`event: ${event.kind}\n${id === undefined ? '' : `id: ${id}\n`}data: ${dataOf(event)}\n\n`);
  }

  /** @param id the client's place, where nothing waits for it */
  beat(id: string | undefined): void {
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
    this.#response.end();
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
