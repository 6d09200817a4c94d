// `density watch SPACE`: a space's people, live in the terminal. Connects again by itself and goes on
// where it stopped.
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Config } from '../config.ts';
import { ApiClient, ApiError, type ApiOptions } from './api-client.ts';

export interface WatchOptions extends ApiOptions {
  readonly json?: boolean;
  /** Ends after so many events. */
  readonly events?: number;
}

interface LiveJson {
  readonly space_id?: number;
  readonly timestamp?: string;
  readonly count?: number;
  readonly net?: number;
  readonly drift?: number;
  readonly settled?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly cause?: string;
  readonly skipped?: number;
}

const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 5_000;

/** @returns 0 when it was told to stop, 1 when the service says no */
export async function watchCommand(
  config: Config,
  space: string,
  options: WatchOptions,
  say: (line: string) => void,
  warn: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const api = new ApiClient(config, options);
  let [left, lastId, pauseMs]: [number, string | undefined, number] = [
    options.events ?? Infinity,
    undefined,
    PAUSE_MIN_MS,
  ];
  const show = ({ event = 'message', id, data }: EventSourceMessage): void => {
    if (left <= 0) return;
    left -= 1;
    lastId = id ?? lastId;
    const item = JSON.parse(data) as LiveJson;
    say(options.json ? JSON.stringify({ event, ...item }) : lineOf(event, item));
  };
  while (!signal.aborted && left > 0) {
    try {
      const response = await api.fetch(`/counts/stream?space_id=${encodeURIComponent(space)}`, {
        signal,
        headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
      });
      pauseMs = PAUSE_MIN_MS;
      const parser = createParser({ onEvent: show });
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
        if (left <= 0) return 0;
      }
    } catch (error) {
      if (signal.aborted) return 0;
      // What the service refuses it will refuse again; what it cannot do now, or when it is not there, passes.
      if (error instanceof ApiError && (lastId === undefined ? error.status !== 503 : isRefusal(error.status)))
        throw error;
      warn(`${error instanceof Error ? error.message : String(error)}; trying again`);
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(PAUSE_MAX_MS, 2 * pauseMs);
  }
  return 0;
}

function isRefusal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 429;
}

function lineOf(event: string, item: LiveJson): string {
  switch (event) {
    case 'snapshot':
    case 'change': {
      const drift = item.drift ? `   (the sensors contradict themselves by ${item.drift})` : '';
      return `${clock(item.timestamp)}  space ${item.space_id}: ${item.settled === false ? 'about ' : ''}${item.count}${drift}`;
    }
    case 'correction':
      return `          space ${item.space_id}: history from ${item.from} to ${item.to} was corrected (${item.cause})`;
    case 'lagged':
      return `          ${item.skipped} changes were skipped: this terminal is slow`;
    case 'stale':
      return '          nobody counts at the moment; what is above may be old';
    default:
      return `          ${event}`;
  }
}

function clock(timestamp: string | undefined): string {
  return timestamp === undefined ? '' : timestamp.slice(11, 19);
}
