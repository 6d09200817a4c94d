// The maximum age of an answer that is not marked as stale: three NATS servers, three replicas of every stream, and
// each server is killed once while readings come in.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import type { NatsHandles } from '../../src/nats/connect.ts';
import { READINGS, readingSubject, SPACE_EVENTS } from '../../src/nats/streams.ts';
import { CountWatch } from '../support/count-watch.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request } from '../support/local-service.ts';
import { CLUSTER_SIZE, NatsCluster } from '../support/nats-cluster.ts';

/** The limit promised in the documentation. */
const OLDEST_FRESH_MS = 5_000;
/** Allows for an election on two slow cores, and for the recovery after it. */
const WITHIN_MS = 120_000;

describe('live counts while NATS servers are killed', () => {
  let folder: string;
  let cluster: NatsCluster;
  let engines: Engines;
  let nats: NatsHandles;
  let service: DensityProcess;
  let watch: CountWatch;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'density-stale-'));
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
      RATE_LIMIT_PER_MINUTE: '0',
    });
    const [, api = ''] = await service.waitForOutput(/density-api is ready: (\S+)\/health/);
    await request(`${api}/spaces`, 'POST', { name: 'Hall' });
    await request(`${api}/doorways`, 'POST', { name: 'Door', ingress_space_id: 1 });
    expect((await request(`${api}/dpus`, 'POST', { id: 'd1', doorway_id: 1 })).status).toBe(201);
    watch = new CountWatch(
      async (bytes) => nats.js.publish(readingSubject('d1'), bytes, { timeout: 1_000 }),
      () => request(`${api}/counts/1/current`, 'GET'),
    );
    watch.start();
  });

  afterAll(async () => {
    await watch?.stop();
    await service?.dispose();
    await nats?.nc.close();
    await engines?.stop();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['n0', 'n1', 'n2'])(
    'are marked as stale if they are older than five seconds, when %s is killed',
    async (name) => {
      for (const stream of [READINGS, SPACE_EVENTS])
        await eventually(async () => expect(await cluster.hasAllReplicas(nats, stream)).toBe(true), WITHIN_MS);
      await watch.caughtUp(WITHIN_MS);
      await cluster.kill9(name);
      const killedAt = performance.now();
      await watch.recovered(killedAt, WITHIN_MS);
      await cluster.revive(name);
      // On a busy machine it may have recovered before many questions were asked.
      await eventually(() => expect(watch.since(killedAt).answers).toBeGreaterThan(10), WITHIN_MS);
      const { oldestFreshMs, stale, answers } = watch.since(killedAt);
      expect(oldestFreshMs, `the oldest answer not marked as stale, of ${answers}, ${stale} of which are`).toBeLessThan(
        OLDEST_FRESH_MS,
      );
    },
  );
});
