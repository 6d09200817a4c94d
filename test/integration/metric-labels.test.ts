// Whatever clients send, over HTTP or NATS, it adds no series to the metrics: every label value is from a fixed set.
import { METHODS as NODE_METHODS, request } from 'node:http';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REJECT_REASONS } from '../../src/domain/reading.ts';
import { PROBLEMS } from '../../src/http/problem.ts';
import { API_PREFIX } from '../../src/http/routes/route.ts';
import { tableOfRoutes } from '../support/client-types.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { metricValue, readMetrics, type Sample } from '../support/metrics-text.ts';

const PARTITIONS = 4;
const REQUESTS = 20;

const routes = tableOfRoutes();
/** All possible values of each label. */
const ALLOWED: Readonly<Record<string, ReadonlySet<string>>> = {
  method: new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other']),
  route: new Set(['none', '/docs', ...routes.map(({ path }) => API_PREFIX + path.replaceAll(/\{(\w+)\}/g, ':$1'))]),
  status: new Set([...Object.keys(PROBLEMS), ...routes.map(({ success }) => String(success.status)), '304']),
  shard: new Set(['', ...Array.from({ length: PARTITIONS }, (_, k) => String(k))]),
  stream: new Set(['', 'READINGS', 'SPACE_EVENTS', 'TOPOLOGY']),
  log: new Set(['READINGS', 'SPACE_EVENTS', 'TOPOLOGY']),
  // The problem codes of health.
  code: new Set([
    'shard_without_owner',
    'shard_restoring',
    'shard_restarting',
    'shard_lagging',
    'consumer_silent',
    'clock_skew',
    'log_went_back',
    'readings_full',
  ]),
  outcome: new Set(['new', 'duplicate', 'dead_letter']),
  reason: new Set(REJECT_REASONS),
};
/** Labels of Node's own metrics, and of Prometheus. */
const isOfNode = ({ name }: Sample): boolean => /^(?:nodejs|process)_/.test(name);

let service: LocalService;
let nats: NatsConnection;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: String(PARTITIONS) });
  nats = await connect({ servers: service.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await service?.dispose();
});

async function ask(method: string, path: string, body?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${service.url}${path}`,
      {
        method,
        agent: false,
        headers: { 'content-type': 'application/json', 'x-request-id': path, 'user-agent': method },
      },
      (response) => {
        if (response.headers['content-type']?.startsWith('text/event-stream')) response.destroy();
        response.resume().on('close', resolve);
      },
    );
    asked.on('error', reject).end(body);
  });
}

/** @param round makes every value different from the previous round */
async function flood(round: string): Promise<void> {
  for (const method of NODE_METHODS.filter((each) => each !== 'CONNECT'))
    await ask(method, `${API_PREFIX}/spaces/${round.length}`);
  for (let n = 0; n < REQUESTS; n += 1) {
    const odd = `${round}${n}`;
    await ask('GET', `/${odd}`);
    await ask('GET', `${API_PREFIX}/${odd}`);
    for (const { path } of routes)
      await ask('GET', `${API_PREFIX}${path.replaceAll(/\{\w+\}/g, n % 2 ? odd : String(n))}?${odd}=${odd}`);
    await ask(
      'POST',
      `${API_PREFIX}/readings`,
      JSON.stringify({ dpu_id: odd, timestamp: Date.now(), direction: 1, id: odd }),
    );
  }
  const js = jetstream(nats);
  for (let n = 0; n < REQUESTS; n += 1) {
    const odd = `${round}${n}`;
    await js.publish(
      `dpu.${odd}.readings`,
      JSON.stringify([
        { timestamp: Date.now(), direction: 1 },
        { timestamp: odd, direction: 1 },
        { timestamp: '1970-01-01T00:00:09Z', direction: 1 },
        { timestamp: Date.now(), direction: odd },
        { timestamp: Date.now(), entrances: odd, exits: 0 },
        { timestamp: Date.now() + 1e9, direction: 1 },
        { timestamp: Date.now(), direction: 1, id: `${odd} ` },
        { dpu_id: `${odd}x`, timestamp: Date.now(), direction: 1 },
        odd,
      ]),
    );
    await js.publish(`dpu.${odd}.readings`, odd);
    await js.publish(`dpu.${odd}.${odd}`, '{}');
    await js.publish(`dpu.${odd}.xovis`, odd);
  }
}

const seriesOf = (samples: readonly Sample[]): string[] =>
  samples
    .filter((sample) => !isOfNode(sample))
    .map(({ name, labels }) => `${name}${JSON.stringify(labels)}`)
    .sort();

async function readAfter(deadLetters: number): Promise<Sample[]> {
  return eventually(async () => {
    const samples = await readMetrics(service.url);
    expect(metricValue(samples, 'density_readings_total', { outcome: 'dead_letter' })).toBe(deadLetters);
    return samples;
  });
}

it('label values are bounded: a second flood with other names adds no series', async () => {
  await flood('odd-');
  const first = await readAfter(11 * REQUESTS);
  await flood('strange-');
  const second = await readAfter(22 * REQUESTS);
  const strays = second
    .filter((sample) => !isOfNode(sample))
    .flatMap(({ name, labels }) =>
      Object.entries(labels)
        .filter(([label, value]) => (label === 'le' ? !/^(?:\+Inf|[\d.]+)$/.test(value) : !ALLOWED[label]?.has(value)))
        .map(([label, value]) => `${name} ${label}=${value}`),
    );
  expect(strays).toEqual([]);
  expect(seriesOf(second)).toEqual(seriesOf(first));
  for (const reason of ALLOWED['reason'] ?? [])
    expect(metricValue(second, 'density_dead_letters_total', { reason }), reason).toBeGreaterThan(0);
  expect(metricValue(second, 'http_request_duration_seconds_count', { method: 'other' })).toBeGreaterThan(20);
});
