// docker-compose.yml with deploy/compose/nats-cluster.env: three nats-servers, each stream on all of them.
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectNats } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { ComposeProject } from './compose-project.ts';
import { Devices } from './devices.ts';
import { expectHealthyInOrder } from './health-order.ts';

const SERVERS = ['nats', 'nats-2', 'nats-3'] as const;
const NODES = ['density-1', 'density-2'] as const;
const STREAMS = ['READINGS', 'SPACE_EVENTS', 'TOPOLOGY', 'CHECKPOINTS'];
const IN_STEP_WITHIN_MS = 300_000;

let project: ComposeProject;
let devices: Devices;

const natsUrl = (): string => `nats://127.0.0.1:${project.port('NATS_CLIENT_PORT')}`;

beforeAll(async () => {
  project = await ComposeProject.create({
    docker: inject('docker'),
    compose: inject('compose'),
    images: inject('images'),
    profiles: [],
    envFile: 'deploy/compose/nats-cluster.env',
  });
  await project.up();
  devices = await Devices.place({
    nodes: [project.port('DENSITY_1_PORT'), project.port('DENSITY_2_PORT')].map((port) => `http://127.0.0.1:${port}`),
    natsUrl: natsUrl(),
    mqttUrl: `mqtt://127.0.0.1:${project.port('NATS_MQTT_PORT')}`,
  });
});

afterAll(async () => {
  await devices?.close();
  await project?.dispose();
});

/** Every stream has a current replica on every server. */
async function expectReplicas(): Promise<void> {
  const { nc, jsm } = await eventually(() => connectNats(natsUrl(), 'replicas'), IN_STEP_WITHIN_MS);
  try {
    await eventually(async () => {
      for (const stream of STREAMS) {
        const { config, cluster } = await jsm.streams.info(stream);
        expect(config.num_replicas, stream).toBe(SERVERS.length);
        const current = (cluster?.replicas ?? []).filter(({ current, offline }) => current && offline !== true);
        expect(current.length, stream).toBe(SERVERS.length - 1);
      }
    }, IN_STEP_WITHIN_MS);
  } finally {
    await nc.close();
  }
}

test('the service starts once all engines are healthy, becomes healthy, and has three replicas of each stream', async () => {
  expectHealthyInOrder(project, ['nats', 'clickhouse'], NODES);
  await expectReplicas();
});

test('readings over HTTP, NATS and MQTT are counted alike by both nodes', async () => {
  await devices.send(50);
  await devices.expectCounted();
});

test.each(['nats-2', 'nats-3'] as const)(
  '%s is killed: readings continue, none is missing, and it comes back',
  async (server) => {
    await devices.sendDuring(() => project.kill9(server));
    await devices.expectCounted();
    await expectReplicas();
  },
);

test('a stopped server shuts down gracefully within its grace period, and no reading is missing', async () => {
  await devices.sendDuring(async () => void (await project.compose(['stop', 'nats-2'])));
  expect((await project.state('nats-2')).ExitCode).toBe(0);
  await devices.expectCounted();
  await project.compose(['start', 'nats-2']);
  await expectReplicas();
});

test('no reading that was acknowledged around a restart of all three is missing, from any device', async () => {
  await devices.sendDuring(async () => void (await project.compose(['restart', ...SERVERS])));
  await devices.expectCounted();
  await expectReplicas();
});
