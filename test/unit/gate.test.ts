// The gate in front of the HTTP API: before the service has started, while it runs, and after it stopped.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Gate } from '../../src/http/middleware/gate.ts';
import { listen, type HttpServer } from '../../src/http/server.ts';
import { Metrics } from '../../src/metrics.ts';

let gate: Gate;
let server: HttpServer;
const status = async (path: string): Promise<number> => (await fetch(`${server.url}${path}`)).status;

beforeEach(async () => {
  gate = new Gate(new Metrics());
  server = await listen(gate.handle, '127.0.0.1', 0, pino({ level: 'silent' }));
});
afterEach(() => server.stop());

test('before the service has started the process is alive but not ready, and the API answers with retry-after', async () => {
  expect([await status('/livez'), await status('/readyz'), await status('/metrics')]).toEqual([200, 503, 200]);
  const early = await fetch(`${server.url}/api/v1/spaces`);
  expect([early.status, early.headers.get('retry-after'), early.headers.get('content-type')]).toEqual([
    503,
    '1',
    'application/problem+json',
  ]);
  expect(await early.json()).toMatchObject({
    type: 'urn:density:problem:unavailable',
    status: 503,
    instance: '/api/v1/spaces',
    request_id: early.headers.get('x-request-id'),
  });
});

test('it is ready while the service runs, and not ready once it drains, but requests still go through', async () => {
  const readiness: { unready: string | undefined; refusals: string[] } = {
    unready: 'waiting for the topology',
    refusals: [],
  };
  gate.open((_request, response) => void response.writeHead(204).end(), readiness);
  expect([await status('/readyz'), await status('/api/v1/spaces')]).toEqual([503, 204]);
  expect(await (await fetch(`${server.url}/readyz`)).text()).toBe('waiting for the topology\n');
  readiness.unready = undefined;
  expect(await status('/readyz')).toBe(200);
  readiness.refusals.push('the checkpoint of shard 3 cannot be used');
  expect(await (await fetch(`${server.url}/readyz`)).text()).toBe('ready\nthe checkpoint of shard 3 cannot be used\n');
  gate.drain();
  expect([await status('/readyz'), await status('/livez'), await status('/api/v1/spaces')]).toEqual([503, 200, 204]);
});

test('it refuses requests with a problem document, too', async () => {
  const refused = await fetch(`${server.url}/livez?x`, { method: 'POST' });
  expect([refused.status, refused.headers.get('allow'), refused.headers.get('content-type')]).toEqual([
    405,
    'GET, HEAD',
    'application/problem+json',
  ]);
  expect(await refused.json()).toMatchObject({ type: 'urn:density:problem:method-not-allowed', instance: '/livez' });
});
