// docker-compose.yml with the profile monitoring: two nodes of the service, one nats-server, ClickHouse, Prometheus.
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/local-service.ts';
import { metricValue, readMetrics } from '../support/metrics-text.ts';
import { projectYaml } from '../support/project.ts';
import { ComposeProject } from './compose-project.ts';
import { Devices, TOKEN } from './devices.ts';
import { expectHealthyInOrder } from './health-order.ts';

const NODES = ['density-1', 'density-2'] as const;
const SHARDS = 16;
const BALANCED_WITHIN_MS = 300_000;
const SCRAPED_WITHIN_MS = 180_000;
const KILLED = 137;

let project: ComposeProject;
let devices: Devices;
let urls: Readonly<Record<(typeof NODES)[number], string>>;

beforeAll(async () => {
  project = await ComposeProject.create({
    docker: inject('docker'),
    compose: inject('compose'),
    images: inject('images'),
    profiles: ['monitoring'],
  });
  urls = {
    'density-1': `http://127.0.0.1:${project.port('DENSITY_1_PORT')}`,
    'density-2': `http://127.0.0.1:${project.port('DENSITY_2_PORT')}`,
  };
  await project.up();
  devices = await Devices.place({
    nodes: Object.values(urls),
    natsUrl: `nats://127.0.0.1:${project.port('NATS_CLIENT_PORT')}`,
    mqttUrl: `mqtt://127.0.0.1:${project.port('NATS_MQTT_PORT')}`,
  });
});

afterAll(async () => {
  await devices?.close();
  await project?.dispose();
});

async function expectShards(shares: Readonly<Partial<Record<(typeof NODES)[number], number>>>): Promise<void> {
  for (const node of NODES) {
    const share = shares[node];
    if (share === undefined) continue;
    await eventually(async () => {
      expect(metricValue(await readMetrics(urls[node]), 'density_shards_owned'), node).toBe(share);
    }, BALANCED_WITHIN_MS);
  }
}

test('the service starts once both engines are healthy, and becomes healthy', () => {
  expectHealthyInOrder(project, ['nats', 'clickhouse'], NODES);
});

test('each node runs half of the shards, and both have the same counts of readings over HTTP, NATS and MQTT', async () => {
  await expectShards({ 'density-1': SHARDS / 2, 'density-2': SHARDS / 2 });
  await devices.send(50);
  await devices.expectCounted();
});

test('a killed node restarts and runs half of the shards again, and no count differs', async () => {
  await devices.sendDuring(async () => {
    await project.kill9('density-1');
    await expectShards({ 'density-1': SHARDS / 2, 'density-2': SHARDS / 2 });
  });
  expect(project.exitCodes('density-1')).toEqual([KILLED]);
  await devices.expectCounted();
});

test('a stopped node exits with 0, the other node runs all shards, and half of them once the first is back', async () => {
  await devices.sendDuring(async () => {
    await project.compose(['stop', 'density-2']);
    await expectShards({ 'density-1': SHARDS });
  });
  expect(project.exitCodes('density-2')).toEqual([0]);
  await devices.expectCounted([urls['density-1']]);
  await project.compose(['start', 'density-2']);
  await expectShards({ 'density-1': SHARDS / 2, 'density-2': SHARDS / 2 });
  await devices.expectCounted();
});

test('no reading that was acknowledged around a restart of NATS is missing, from any device', async () => {
  await devices.sendDuring(async () => project.kill9('nats'));
  await devices.expectCounted();
  await devices.sendDuring(async () => void (await project.compose(['restart', 'nats'])));
  await devices.expectCounted();
});

test('the account balances: everything accepted is applied or a duplicate, and ClickHouse has it', async () => {
  await eventually(async () => {
    const { body } = await request(`${urls['density-1']}/api/v1/account`, 'GET', undefined, TOKEN);
    expect(body).toMatchObject({
      remainder: 0,
      held: 0,
      excluded: 0,
      deleted: 0,
      dead_lettered: 0,
      stored: { differences: [], unknown_shards: [], missing: 0, findings: [] },
      losses: [],
    });
  }, BALANCED_WITHIN_MS);
});

test('the image migrates the tables of a running installation', async () => {
  await project.compose(['run', '--rm', '--no-deps', 'density-1', 'migrate']);
});

test('Prometheus scrapes both nodes and knows every alert', async () => {
  const prometheus = `http://127.0.0.1:${project.port('PROMETHEUS_PORT')}/api/v1`;
  await eventually(async () => {
    const { body } = await request(`${prometheus}/targets?state=active`, 'GET');
    const { activeTargets: targets } = (body as { data: { activeTargets: { scrapeUrl: string; health: string }[] } })
      .data;
    for (const node of NODES)
      expect(targets).toContainEqual(
        expect.objectContaining({ scrapeUrl: `http://${node}:8000/metrics`, health: 'up' }),
      );
  }, SCRAPED_WITHIN_MS);
  const { body } = await request(`${prometheus}/rules`, 'GET');
  const [group] = (body as { data: { groups: { rules: { name: string }[] }[] } }).data.groups;
  const { groups } = projectYaml('deploy/prometheus/alerts.yml') as { groups: { rules: { alert: string }[] }[] };
  expect(group?.rules.map(({ name }) => name)).toEqual(groups[0]?.rules.map(({ alert }) => alert));
});

test('no container became unhealthy, and every one exits with 0', async () => {
  expect(project.events.filter(({ action }) => action === 'unhealthy')).toEqual([]);
  await project.compose(['stop']);
  for (const service of [...NODES, 'nats', 'clickhouse', 'prometheus'])
    expect((await project.state(service)).ExitCode, service).toBe(0);
});
