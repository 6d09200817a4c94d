// `density watch` against a server that breaks off its streams.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { watchCommand, type WatchOptions } from '../../src/cli/watch-command.ts';
import { readConfig } from '../../src/config.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

let stop: () => Promise<void> = async () => undefined;
/** Breaks off the stream; called once a line is printed, because a broken stream loses what was not read yet. */
let breakOff: () => void = () => undefined;
afterEach(async () => stop());

/** @param answers to the requests, in order; the last one also answers all later requests */
async function serving(...answers: readonly Answer[]): Promise<string> {
  let asked = 0;
  const server = createServer((request, response) => {
    answers[Math.min(asked++, answers.length - 1)]?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stop = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const event = (name: string, data: object, id?: number): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
const streaming =
  (...events: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const one of events) response.write(one);
  };
const breakingOff =
  (one: string): Answer =>
  (response, request) => {
    breakOff = () => {
      breakOff = () => undefined;
      response.destroy();
    };
    streaming(one)(response, request);
  };
const refusing =
  (status: number, detail: string): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ detail }));
  };

async function watched(url: string, options: WatchOptions): Promise<{ lines: string[]; warnings: string[] }> {
  const [lines, warnings]: [string[], string[]] = [[], []];
  const { signal } = new AbortController();
  const code = await watchCommand(
    readConfig({}),
    '1',
    { ...options, url },
    (line) => {
      lines.push(line);
      breakOff();
    },
    (line) => warnings.push(line),
    signal,
  );
  expect(code).toBe(0);
  return { lines, warnings };
}

const count = { space_id: 1, timestamp: '2024-01-01T08:00:00.000Z', count: 3 };

it('prints each kind of event as a sentence', async () => {
  const url = await serving(
    streaming(
      event('snapshot', count),
      event('change', { ...count, count: 2, settled: false, drift: 4 }),
      event('correction', { space_id: 1, from: 'A', to: 'B', cause: 'late' }),
      event('lagged', { skipped: 7 }),
      event('change', { ...count, stale: true }),
      event('a newer kind', {}),
    ),
  );
  expect(await watched(url, { events: 6 })).toEqual({
    lines: [
      '08:00:00  space 1: 3',
      '08:00:00  space 1: about 2   (drift 4: the sensors contradict each other)',
      '          space 1: history from A to B was corrected (late)',
      '          skipped 7 changes: this terminal is too slow',
      '08:00:00  space 1: 3   (may be out of date)',
      '          a newer kind',
    ],
    warnings: [],
  });
});

it('reconnects after its last event when the stream breaks off or the service is unavailable', async () => {
  const ids: (string | undefined)[] = [];
  const noting =
    (answer: Answer): Answer =>
    (response, request) => {
      ids.push(request.headers['last-event-id']?.toString());
      answer(response, request);
    };
  const url = await serving(
    noting(refusing(503, 'it is starting')),
    noting(breakingOff(event('snapshot', count, 11))),
    noting(refusing(429, 'too many requests')),
    noting(refusing(500, 'an internal error')),
    noting(streaming(event('change', { ...count, count: 4 }, 12))),
  );
  const { lines, warnings } = await watched(url, { events: 2 });
  expect(lines).toEqual(['08:00:00  space 1: 3', '08:00:00  space 1: 4']);
  expect(ids).toEqual([undefined, undefined, '11', '11', '11']);
  expect(warnings).toHaveLength(4);
  for (const warning of warnings) expect(warning).toMatch(/; reconnecting$/);
});

it('ends with the answer when it is refused, also in the middle of a stream', async () => {
  const url = await serving(breakingOff(event('snapshot', count, 11)), refusing(403, 'the token may not read'));
  await expect(watched(url, {})).rejects.toThrow('the token may not read');
});

it('reports an answer that is not of the service by its status', async () => {
  const url = await serving((response) => response.writeHead(404, 'Not Found').end('<html>'));
  await expect(watched(url, {})).rejects.toThrow('the API answered 404 Not Found');
});
