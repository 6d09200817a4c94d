// The service is stopped and killed in the middle of an import and started again, with real processes
// and real engines: the counts are those of the set of readings.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCsv } from '../../src/cli/csv-import.ts';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';
import { EXPECTED, raiseSampleBuilding, sampleAccount, SAMPLE_CSV, SAMPLE_ROWS } from '../support/sample.ts';

const IMPORTS = 3;

describe.each(['SIGTERM', 'SIGKILL'] as const)('ended by %s in the middle of an import', (signal) => {
  let folder: string;
  let engines: Engines;
  let nats: NatsHandles;
  let service: DensityProcess;
  let api: string;

  const start = async (): Promise<void> => {
    service = startDensity(['run'], {
      NATS_URL: engines.natsUrl,
      CLICKHOUSE_URL: engines.clickhouseUrl,
      // Longer than a start may take here: after a crash nothing would be counted unless the shards were taken back.
      LEASE_TTL_MS: '600000',
      INSTANCE_ID: 'the only one',
    });
    [, api = ''] = await service.waitForOutput(/density-api is ready: (\S+)\/health/);
  };
  const get = (path: string): Promise<Answer> => request(`${api}${path}`, 'GET');
  const accepted = async (): Promise<number> => ((await get('/account')).body as { accepted: number }).accepted;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'density-restart-'));
    const config = readConfig({
      ...QUICK,
      NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
      DENSITY_DATA_DIR: folder,
    });
    engines = await startEngines(
      config,
      () => undefined,
      (error) => {
        throw error;
      },
    );
    nats = await connectNats(engines.natsUrl, 'test');
  });
  afterAll(async () => {
    await service?.dispose();
    await nats?.nc.close();
    await engines?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('ends with the numbers of the set of readings', async () => {
    await start();
    await raiseSampleBuilding((method, path, body) => request(`${api}${path}`, method, body));
    const log = new NatsReadingsLog(nats.nc, nats.js, nats.jsm);
    for (let n = 1; n <= IMPORTS; n++) {
      const imported = importCsv(SAMPLE_CSV, log, { latestMs: Date.now(), onProgress: () => undefined });
      // The process is stopped as soon as this import has begun, and the import continues.
      if (n > 1) await eventually(async () => expect(await accepted()).toBeGreaterThan((n - 2) * 563));
      const code = await service.end(signal);
      expect(code).toBe(signal === 'SIGTERM' ? 0 : null);
      expect((await imported).accepted).toBe(563);
      await start();
    }
    await eventually(async () => {
      const { stored, ...account } = (await get('/account')).body as { stored: { findings: string[] } | null };
      expect(account).toEqual(sampleAccount(SAMPLE_ROWS * IMPORTS));
      expect(stored?.findings).toEqual([]);
    });
    for (const [id, expected] of [
      [1, EXPECTED.A],
      [2, EXPECTED.B],
    ] as const) {
      await eventually(async () =>
        expect((await get(`/counts/${id}/current`)).body).toMatchObject({ net: expected.net, count: expected.count }),
      );
      const { body } = await get(
        `/counts/${id}/intervals?start=2018-01-01T00:00:00Z&end=2019-01-01T00:00:00Z&interval=1d`,
      );
      const days = body as { entrances: number; exits: number; count: number }[];
      const sum = (field: 'entrances' | 'exits'): number => days.reduce((total, day) => total + day[field], 0);
      expect({ entrances: sum('entrances'), exits: sum('exits'), count: days.at(-1)?.count }).toEqual({
        entrances: expected.entrances,
        exits: expected.exits,
        count: expected.count,
      });
    }
  });
});
