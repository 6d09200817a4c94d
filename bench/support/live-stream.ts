// Listens to the live stream of all spaces, with Node's own HTTP and not `fetch`, because at thousands of events a
// second the client competes with the measured processes.
import { get } from 'node:http';
import { createParser } from 'eventsource-parser';
import { printLine } from './output.ts';

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
  return new Promise((resolve, reject) => {
    const request = get(
      `${api}/counts/stream`,
      { headers: { accept: 'text/event-stream' }, agent: false },
      (response) => {
        if (response.statusCode !== 200) return reject(new Error(`GET /counts/stream: ${response.statusCode}`));
        response.setEncoding('utf8').on('data', (chunk: string) => parser.feed(chunk));
        response
          .on('error', () => undefined)
          .on('close', () => {
            if (!isClosed) printLine('THE LIVE STREAM ENDED UNEXPECTEDLY');
          });
        resolve({
          get laggedEvents() {
            return laggedEvents;
          },
          close: () => {
            isClosed = true;
            request.destroy();
          },
        });
      },
    );
    request.on('error', reject);
  });
}
