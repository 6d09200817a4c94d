// A reading stays deleted although the service is killed and started again, and the sensor sends the reading again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';

const START_MS = Date.UTC(2024, 2, 29, 8);
const READINGS = [0, 1, 2].map((n) => ({ dpu_id: 'd', timestamp: START_MS + n, direction: 1 }));
const UNSENT = { dpu_id: 'd', timestamp: START_MS + 3, direction: 1 };

describe('a deleted reading', () => {
  let folder: string;
  let engines: Engines;
  let service: DensityProcess;
  let api: string;

  const start = async (): Promise<void> => {
    service = startDensity(['run'], {
      NATS_URL: engines.natsUrl,
      CLICKHOUSE_URL: engines.clickhouseUrl,
      INSTANCE_ID: 'the only one',
    });
    [, api = ''] = await service.waitForOutput(/density-api is ready: (\S+)\/health/);
  };
  const ask = (method: string, path: string, body?: object): Promise<Answer> => request(`${api}${path}`, method, body);
  const expectAccount = async (terms: object): Promise<void> =>
    eventually(async () =>
      expect((await ask('GET', '/account')).body).toMatchObject({ ...terms, remainder: 0, stored: { findings: [] } }),
    );
  const expectCount = async (count: number): Promise<void> =>
    eventually(async () => expect((await ask('GET', '/counts/1/current')).body).toMatchObject({ count, net: count }));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'density-deleted-'));
    const config = readConfig({ ...QUICK, NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'], DENSITY_DATA_DIR: folder });
    engines = await startEngines(
      config,
      () => undefined,
      (error) => {
        throw error;
      },
    );
  });
  afterAll(async () => {
    await service?.dispose();
    await engines?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('T21 stays deleted when the service is killed, and when it is sent again afterwards', async () => {
    await start();
    expect((await ask('POST', '/spaces', { name: 'Hall' })).status).toBe(201);
    expect((await ask('POST', '/doorways', { name: 'door', ingress_space_id: 1 })).status).toBe(201);
    expect((await ask('POST', '/dpus', { id: 'd', doorway_id: 1 })).status).toBe(201);
    expect((await ask('POST', '/readings/batch', READINGS)).status).toBe(202);
    // Killed as soon as the deletions are acknowledged, whether or not a router has followed them.
    for (const n of [1, 3])
      expect((await ask('DELETE', `/readings/d~${START_MS + n}~+?reason=a%20test`)).status).toBe(200);
    await service.end('SIGKILL');
    await start();
    await expectAccount({ accepted: 3, applied: 2, deleted: 1 });
    expect((await ask('POST', '/readings/batch', [...READINGS, UNSENT])).status).toBe(202);
    await expectAccount({ accepted: 7, applied: 2, duplicate: 3, deleted: 2 });
    await expectCount(2);
    expect((await ask('POST', `/readings/d~${START_MS + 3}~+/restore`)).status).toBe(204);
    await service.end('SIGKILL');
    await start();
    await expectAccount({ accepted: 7, applied: 3, duplicate: 3, deleted: 1 });
    await expectCount(3);
    expect((await ask('GET', '/deleted-readings')).body).toMatchObject([{ id: `d~${START_MS + 1}~+` }]);
  });
});
