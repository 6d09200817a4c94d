// The dashboard with an API whose events a test decides: for what a real service does only when something is broken, and for measuring
// the page alone.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import sirv from 'sirv';
import { pageFolder } from '../../src/http/page.ts';
import type { components } from '../../web/api/schema.d.ts';

type Space = components['schemas']['Space'];

export interface ScriptedApi {
  readonly url: string;
  /** Sends the state of a space to every open live stream. */
  count(event: 'snapshot' | 'change', spaceId: number, count: number, more?: { readonly stale: true }): void;
  stop(): Promise<void>;
}

const SINCE = '2026-01-01T00:00:00.000Z';

export async function startScriptedApi(spaces: number): Promise<ScriptedApi> {
  const files = sirv(await pageFolder(), { gzip: true, brotli: true });
  const streams = new Set<ServerResponse>();
  const list = Array.from({ length: spaces }, (_, index) => spaceOf(index + 1));
  const server = createServer((request, response) => answer(request, response));

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page');
    if (/^\/api\/v1\/(counts|display\/1)\/stream$/.test(pathname)) return openStream(response);
    if (pathname === '/display/1') request.url = '/';
    const offset = Number(searchParams.get('offset') ?? 0);
    const bodies: Readonly<Record<string, unknown>> = {
      '/api/v1/principal': { name: null, scopes: ['read'] },
      '/api/v1/spaces': list.slice(offset, offset + 1_000),
      '/api/v1/counts/intervals': (searchParams.get('space_id') ?? '').split(',').flatMap((id) => hourOf(Number(id))),
      '/api/v1/display/pairings': { space_id: 1, paired: true, code: null, expires_at: null },
      '/api/v1/display/1': { space_id: 1, name: 'Space 1', capacity: 200 },
    };
    const body = /\/current$/.test(pathname) ? { watermark: null } : bodies[pathname];
    if (body === undefined) return files(request, response);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  function openStream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const { id } of list) response.write(textOf('snapshot', countOf(id, 0)));
    streams.add(response.on('close', () => streams.delete(response)));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (event, spaceId, count, more) => {
      const text = textOf(event, { ...countOf(spaceId, count), ...more });
      for (const stream of streams) stream.write(text);
    },
    stop: async () => {
      for (const stream of streams) stream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function textOf(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function spaceOf(id: number): Space {
  const stamps = { created_at: SINCE, updated_at: SINCE };
  return {
    ...{ id, name: `Space ${id}`, external_id: null, time_zone: 'UTC', capacity: 200 },
    ...{ daily_reset: null, daily_reset_count: 0 },
    ...stamps,
  };
}

/** The counts of the last hour, for the curve on a card. */
function hourOf(spaceId: number): object[] {
  return Array.from({ length: 12 }, (_, n) => ({ space_id: spaceId, count: (spaceId * 7 + n * 13) % 60 }));
}

/** After the watermark, so that it is provisional. */
function countOf(spaceId: number, count: number): object {
  const timestamp = new Date().toISOString();
  return {
    ...{ space_id: spaceId, sequence: 1, timestamp, count, net: count, drift: 0, settled: true, final: false },
    ...{ last_reading_at: timestamp, watermark: SINCE },
  };
}
