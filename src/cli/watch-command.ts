// `density watch SPACE`: prints live counts of a space. Reconnects by itself and resumes where it stopped.
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Config } from '../config.ts';
import { backoffMs } from '../runtime/backoff.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import { ApiClient, ApiError, type ApiOptions } from './api-client.ts';
import type { PrintLine } from './print-line.ts';

export interface WatchOptions extends ApiOptions {
  readonly json?: boolean;
  /** Stops after this many events. */
  readonly events?: number;
}

interface LiveJson {
  readonly space_id?: number;
  readonly timestamp?: string;
  readonly count?: number;
  readonly net?: number;
  readonly drift?: number;
  readonly settled?: boolean;
  readonly stale?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly cause?: string;
  readonly skipped?: number;
}

/** @returns 0. @throws ApiError if the service rejects the request */
export async function watchCommand(
  config: Config,
  space: string,
  options: WatchOptions,
  printLine: PrintLine,
  warn: PrintLine,
  signal: AbortSignal,
): Promise<number> {
  const api = new ApiClient(config, options);
  let [left, failures]: [number, number] = [options.events ?? Infinity, 0];
  let lastId: string | undefined;
  const show = ({ event = 'message', id, data }: EventSourceMessage): void => {
    if (left <= 0) return;
    left -= 1;
    lastId = id ?? lastId;
    const item = JSON.parse(data) as LiveJson;
    printLine(options.json ? JSON.stringify({ event, ...item }) : lineOf(event, item));
  };
  while (!signal.aborted && left > 0) {
    try {
      const response = await api.fetch(`/counts/stream?space_id=${encodeURIComponent(space)}`, {
        signal,
        headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
      });
      failures = 0;
      const parser = createParser({ onEvent: show });
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
        if (left <= 0) return 0;
      }
    } catch (error) {
      if (signal.aborted) return 0;
      // A rejected request would be rejected again. Any other error is temporary once the stream has worked; before
      // that, only a 503 is.
      if (error instanceof ApiError && (lastId === undefined ? error.status !== 503 : isRefusal(error.status)))
        throw error;
      warn(`${error instanceof Error ? error.message : String(error)}; reconnecting`);
    }
    failures += 1;
    await MACHINE_TIMING.pause(backoffMs(failures, MACHINE_TIMING), signal);
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
      const drift = item.drift ? `   (drift ${item.drift}: the sensors contradict each other)` : '';
      const age = item.stale ? '   (may be out of date)' : '';
      return `${clock(item.timestamp)}  space ${item.space_id}: ${item.settled === false ? 'about ' : ''}${item.count}${age}${drift}`;
    }
    case 'correction':
      return `          space ${item.space_id}: history from ${item.from} to ${item.to} was corrected (${item.cause})`;
    case 'lagged':
      return `          skipped ${item.skipped} changes: this terminal is too slow`;
    default:
      return `          ${event}`;
  }
}

function clock(timestamp: string | undefined): string {
  return timestamp === undefined ? '' : timestamp.slice(11, 19);
}
