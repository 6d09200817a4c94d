// Listens to the live stream of all spaces, with Node's own HTTP and not `fetch`, because at thousands of events a
// second the client competes with the measured processes.
import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { printLine } from './output.ts';

/** On a busy machine an owner may not answer in time. */
const [ATTEMPTS_MAX, RETRY_MS] = [60, 1_000];

export interface LiveStream {
  /** The number of `lagged` events, sent because this client read too slowly. */
  readonly laggedEvents: number;
  close(): void;
}

/**
 * Resolves once the stream is open.
 * @param onCount of a snapshot or change: the space, the time of its last reading in ms since 1970, and its net
 */
export async function followCounts(
  api: string,
  onCount: (spaceId: number, lastReadingMs: number, net: number) => void,
): Promise<LiveStream> {
  let [laggedEvents, isClosed] = [0, false];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'lagged') laggedEvents += 1;
      if (event !== 'change' && event !== 'snapshot') return;
      const {
        space_id: spaceId,
        last_reading_at: last,
        net,
      } = JSON.parse(data) as { space_id: number; last_reading_at: string | null; net: number };
      if (last !== null) onCount(spaceId, Date.parse(last), net);
    },
  });
  const { request, response } = await opened(`${api}/counts/stream`);
  response.setEncoding('utf8').on('data', (chunk: string) => parser.feed(chunk));
  response
    .on('error', () => undefined)
    .on('close', () => {
      if (!isClosed) printLine('THE LIVE STREAM ENDED UNEXPECTEDLY');
    });
  return {
    get laggedEvents() {
      return laggedEvents;
    },
    close: () => {
      isClosed = true;
      request.destroy();
    },
  };
}

interface Opened {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

/** Tries again while the live counts are not available. */
async function opened(url: string): Promise<Opened> {
  for (let attempt = 1; ; attempt++) {
    const { request, response } = await new Promise<Opened>((resolve, reject) => {
      const request = get(url, { headers: { accept: 'text/event-stream' }, agent: false }, (response) =>
        resolve({ request, response }),
      );
      request.on('error', reject);
    });
    if (response.statusCode === 200) return { request, response };
    response.resume();
    if (response.statusCode !== 503 || attempt === ATTEMPTS_MAX)
      throw new Error(`GET /counts/stream: ${response.statusCode}`);
    await sleep(RETRY_MS);
  }
}
