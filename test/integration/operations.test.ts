// The probes and metrics for operators, on the whole service with real engines.
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { metricValue, readMetrics } from '../support/metrics-text.ts';

let service: LocalService;
let nats: NatsConnection;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2', SHUTDOWN_WAIT_MS: '5000' });
  nats = await connect({ servers: service.natsUrl });
  await service.send('POST', '/spaces', { name: 'hall' });
  await service.send('POST', '/doorways', { name: 'door', ingress_space_id: 1, egress_space_id: null });
  await service.send('POST', '/dpus', { id: '7', doorway_id: 1 });
});

afterAll(async () => {
  await nats.close();
  await service.dispose();
});

test('/livez and /readyz answer at the root, with and without a slash, and not to POST', async () => {
  for (const path of ['/livez', '/readyz', '/readyz/', '/readyz?verbose']) {
    expect((await fetch(`${service.url}${path}`)).status, path).toBe(200);
  }
  const posted = await fetch(`${service.url}/readyz`, { method: 'POST' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('/metrics counts what became of readings, dead letters by reason, late events, blocks and requests', async () => {
  const publish = async (body: unknown): Promise<unknown> =>
    jetstream(nats).publish('dpu.7.readings', JSON.stringify(body));
  const now = Date.now();
  const first = { timestamp: now, direction: 1 };
  await publish([first, first, { timestamp: now, direction: 0 }, { timestamp: now + 86_400_000, direction: 1 }]);
  // A reading is late once its router's clock has advanced.
  await eventually(async () =>
    expect(metricValue(await readMetrics(service.url), 'density_readings_total', { outcome: 'new' })).toBe(1),
  );
  await publish([{ timestamp: now - 86_400_000, direction: 1 }]);
  await jetstream(nats).publish('dpu.stranger.readings', JSON.stringify(first));
  await eventually(async () => {
    const samples = await readMetrics(service.url);
    const value = (name: string, labels: Record<string, string> = {}): number => metricValue(samples, name, labels);
    expect(value('density_readings_total', { outcome: 'new' })).toBe(3);
    expect(value('density_readings_total', { outcome: 'duplicate' })).toBe(1);
    expect(value('density_readings_total', { outcome: 'dead_letter' })).toBe(2);
    expect(value('density_readings_held')).toBe(1);
    expect(value('density_dead_letters_total', { reason: 'bad_direction' })).toBe(1);
    expect(value('density_dead_letters_total', { reason: 'future' })).toBe(1);
    expect(value('density_late_events_total')).toBe(1);
    expect(value('density_block_rows_stored_total')).toBe(3);
    expect(value('density_blocks_stored_total')).toBeGreaterThan(0);
    expect(value('density_flush_lag_rows')).toBe(0);
    expect(value('density_blocks_queued')).toBe(0);
  });
  await service.get('/counts/1/current');
  await service.get('/nothing/here');
  const samples = await readMetrics(service.url);
  expect(metricValue(samples, 'density_shards')).toBe(2);
  expect(metricValue(samples, 'density_shards_owned')).toBe(2);
  expect(
    metricValue(samples, 'http_request_duration_seconds_count', {
      route: '/api/v1/counts/:space_id/current',
      method: 'GET',
      status: '200',
    }),
  ).toBe(1);
  expect(metricValue(samples, 'http_request_duration_seconds_count', { route: 'none', status: '404' })).toBe(1);
  expect(metricValue(samples, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(samples.some(({ name }) => name.startsWith('nodejs_eventloop_lag'))).toBe(true);
});

test('lag is in seconds, and near zero while nothing waits', async () => {
  await eventually(async () => {
    const samples = await readMetrics(service.url);
    for (const name of ['density_router_lag_seconds', 'density_fold_lag_seconds']) {
      const lags = samples.filter((sample) => sample.name === name);
      expect(lags.map(({ labels }) => labels['shard']).sort(), name).toEqual(['0', '1']);
      for (const { value } of lags) expect(value, name).toBeLessThan(2);
    }
    expect(metricValue(samples, 'density_router_lag_entries')).toBeLessThan(20);
  });
});

test('/readyz is 503 as soon as the service is stopping, while requests are still answered', async () => {
  const stopped = service.stop();
  const readiness = await fetch(`${service.url}/readyz`);
  expect([readiness.status, await readiness.text()]).toEqual([503, 'stopping\n']);
  expect((await fetch(`${service.url}/livez`)).status).toBe(200);
  expect((await service.get('/counts/1/current')).status).toBe(200);
  await stopped;
});
