// The engines that `npm start` starts are killed, one after the other: they come back on their ports, and the counts are
// those of the readings.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { request, type Answer } from '../support/local-service.ts';

let folder: string;
let service: DensityProcess;
let urls: {
  readonly url: string;
  readonly nats_url: string;
  readonly clickhouse_url: string;
  readonly mqtt_port: number;
};
let sent = 0;

const get = (path: string): Promise<Answer> => request(`${urls.url}/api/v1${path}`, 'GET');
const send = (method: string, path: string, body: object): Promise<Answer> =>
  request(`${urls.url}/api/v1${path}`, method, body);
const startMs = Date.now() - 3_600_000;
const at = (n: number): string => new Date(startMs + n * 1_000).toISOString();
const enter = async (): Promise<void> => {
  const reading = { dpu_id: 'd', timestamp: at(sent), direction: 1 };
  await eventually(async () => expect((await send('POST', '/readings', reading)).status).toBe(202));
  sent += 1;
};
const pidOf = async (file: string): Promise<number> =>
  Number((await readFile(join(folder, file), 'utf8')).split('\n')[0]);
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-engine-restart-'));
  service = startDensity(['run', '--json'], { DENSITY_DATA_DIR: folder, PARTITIONS: '2' });
  const [, json = ''] = await service.waitForOutput(/^(\{"url".*\})$/m);
  urls = JSON.parse(json) as typeof urls;
  await send('POST', '/spaces', { name: 'Hall' });
  await send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
  await send('POST', '/dpus', { id: 'd', doorway_id: 1 });
  for (let n = 0; n < 5; n++) await enter();
});
afterAll(async () => {
  await service?.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

/** Everything that can be asked has all that was sent, in the live count and in history. */
async function expectAll(): Promise<void> {
  await eventually(async () => {
    expect((await get('/counts/1/current')).body).toMatchObject({
      count: sent,
      net: sent,
      last_reading_at: at(sent - 1),
    });
    expect((await get(`/counts/1/current?at=${at(sent)}`)).body).toMatchObject({ count: sent, final: true });
    expect((await get('/readings?limit=1000')).body).toHaveLength(sent);
    expect((await get('/account')).body).toMatchObject({
      applied: sent,
      remainder: 0,
      losses: [],
      stored: { findings: [] },
    });
  });
}

it.each([
  ['nats-server', 'nats/nats-server.pid', /nats-server exited unexpectedly \(SIGKILL\)/],
  ['the ClickHouse engine', 'clickhouse/clickhouse.pid', /the ClickHouse engine exited unexpectedly \(SIGKILL\)/],
] as const)('%s is restarted each time it is killed, and no count changes', async (_, file, notice) => {
  await expectAll();
  for (let kill = 1; kill <= 2; kill++) {
    const pid = await pidOf(file);
    process.kill(pid, 'SIGKILL');
    await service.waitForOutput(notice);
    await eventually(async () => {
      const next = await pidOf(file);
      expect([next !== pid, isAlive(next)]).toEqual([true, true]);
    });
    // Before anything else is sent, the counts are as they were.
    await expectAll();
    await enter();
    await expectAll();
  }
  expect(service.child.exitCode).toBeNull();
  expect((await fetch(`${urls.url}/readyz`)).status).toBe(200);
});

it('devices find nats-server and its MQTT gateway where they were', async () => {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${urls.mqtt_port}`, {
    protocolVersion: 4,
    connectTimeout: 5_000,
  });
  await client.publishAsync('dpu/d/readings', JSON.stringify({ timestamp: at(sent), direction: 1 }), { qos: 1 });
  sent += 1;
  await client.endAsync();
  await expectAll();
});

it('what is stopped is not restarted', async () => {
  const pids = await Promise.all(['nats/nats-server.pid', 'clickhouse/clickhouse.pid'].map(pidOf));
  expect(pids.map(isAlive)).toEqual([true, true]);
  expect(await service.end('SIGTERM')).toBe(0);
  expect(pids.map(isAlive)).toEqual([false, false]);
});
