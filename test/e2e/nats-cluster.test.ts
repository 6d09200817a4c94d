// NATS as in production: three servers, three replicas of every stream. The leader of a stream is killed and started again while
// readings come in, and the counts are those of the set of readings.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCsv } from '../../src/cli/csv-import.ts';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import type { NatsHandles } from '../../src/nats/connect.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { READINGS, SPACE_EVENTS } from '../../src/nats/streams.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';
import { CLUSTER_SIZE, NatsCluster } from '../support/nats-cluster.ts';
import { EXPECTED, raiseSampleBuilding, SAMPLE_CSV } from '../support/sample.ts';

const ROWS = 563;
/** For an election on two slow cores, and for what follows it. */
const WITHIN_MS = 120_000;

describe('a cluster of NATS servers', () => {
  let folder: string;
  let cluster: NatsCluster;
  let engines: Engines;
  let nats: NatsHandles;
  let service: DensityProcess;
  let api: string;
  let ids: { a: number; b: number };
  let imports = 0;

  const get = (path: string): Promise<Answer> => request(`${api}${path}`, 'GET');
  const accepted = async (): Promise<number> =>
    eventually(async () => {
      const { status, body } = await get('/account');
      // While there is no leader, nobody can say.
      expect(status).toBe(200);
      return (body as { accepted: number }).accepted;
    }, WITHIN_MS);
  const leaderOf = async (stream: string): Promise<string> => {
    const { cluster: group } = await nats.jsm.streams.info(stream);
    expect(group?.leader, `leader of ${stream}`).toBeTruthy();
    return group?.leader ?? '';
  };
  /** Readings go on coming in until `isOver`, at least once; what was acknowledged is not lost. */
  const importUntil = async (isOver: () => boolean): Promise<void> => {
    const log = new NatsReadingsLog(nats.nc, nats.js, nats.jsm);
    do {
      expect((await importCsv(SAMPLE_CSV, log, { latestMs: Date.now(), onProgress: () => undefined })).accepted).toBe(
        ROWS,
      );
      imports += 1;
      await eventually(async () => expect(await accepted()).toBeGreaterThanOrEqual(imports * ROWS), WITHIN_MS);
    } while (!isOver());
  };
  const replicasAreCurrent = async (stream: string): Promise<void> =>
    eventually(async () => expect(await cluster.hasAllReplicas(nats, stream), stream).toBe(true), WITHIN_MS);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'density-nats-cluster-'));
    cluster = await NatsCluster.start(process.env['NATS_SERVER_BIN'] ?? 'nats-server', folder);
    engines = await startEngines(
      readConfig({ ...QUICK, NATS_URL: cluster.url, DENSITY_DATA_DIR: folder }),
      () => undefined,
      (error) => {
        throw error;
      },
    );
    nats = await cluster.connect(WITHIN_MS);
    service = startDensity(['run'], {
      NATS_URL: cluster.url,
      CLICKHOUSE_URL: engines.clickhouseUrl,
      STREAM_REPLICAS: String(CLUSTER_SIZE),
      PARTITIONS: '4',
    });
    [, api = ''] = await service.said(/density-api is ready: (\S+)\/health/);
    ids = await raiseSampleBuilding((method, path, body) => request(`${api}${path}`, method, body));
  });

  afterAll(async () => {
    await service?.end('SIGKILL');
    await nats?.nc.close();
    await engines?.stop();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([READINGS, SPACE_EVENTS])(
    'loses the leader of %s in the middle of an import, and nothing else',
    async (stream) => {
      await replicasAreCurrent(stream);
      const before = await accepted();
      let isOver = false;
      const importing = importUntil(() => isOver);
      try {
        await eventually(async () => expect(await accepted()).toBeGreaterThan(before), WITHIN_MS);
        const leader = await leaderOf(stream);
        await cluster.kill9(leader);
        await eventually(async () => expect(await leaderOf(stream)).not.toBe(leader), WITHIN_MS);
        const since = await accepted();
        await eventually(async () => expect(await accepted()).toBeGreaterThan(since), WITHIN_MS);
        await cluster.revive(leader);
        await replicasAreCurrent(stream);
      } finally {
        isOver = true;
        await importing;
      }
    },
  );

  it('ends with the counts of the set of readings', async () => {
    await eventually(async () => {
      const {
        accepted: total,
        stored,
        ...account
      } = (await get('/account')).body as { accepted: number; stored: { findings: string[] } | null };
      // More than was sent where an acknowledgement was lost, and the readings were sent again.
      expect(total).toBeGreaterThanOrEqual(imports * ROWS);
      expect(account).toEqual({
        applied: 530,
        duplicate: total - 530,
        held: 0,
        dead_lettered: 0,
        dead_letters: {},
        dead_letters_evicted: {},
        remainder: 0,
        losses: [],
      });
      expect(stored?.findings).toEqual([]);
      for (const [id, { net, count }] of [
        [ids.a, EXPECTED.A],
        [ids.b, EXPECTED.B],
      ] as const) {
        expect((await get(`/counts/${id}/current`)).body).toMatchObject({ net, count });
      }
    }, WITHIN_MS);
    expect(imports).toBeGreaterThan(1);
    expect(service.child.exitCode).toBeNull();
  });
});
