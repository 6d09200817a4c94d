// NATS as in production: three servers, three replicas of every stream. The leader of a stream is killed and restarted
// while readings come in, or loses its newest messages, and the counts are those of the set of readings.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCsv } from '../../src/cli/csv-import.ts';
import { readConfig } from '../../src/config.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import type { NatsHandles } from '../../src/nats/connect.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { CHECKPOINTS, READINGS, SPACE_EVENTS, TOPOLOGY } from '../../src/nats/streams.ts';
import { cutEveryTail, restoreCopy } from '../support/damage.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';
import { CLUSTER_SIZE, NatsCluster } from '../support/nats-cluster.ts';
import { EXPECTED, raiseSampleBuilding, sampleAccount, SAMPLE_CSV, SAMPLE_ROWS } from '../support/sample.ts';

const STREAMS = [READINGS, SPACE_EVENTS, TOPOLOGY, CHECKPOINTS];
/** Allows for an election on two slow cores, and for the recovery after it. */
const WITHIN_MS = 120_000;
/** How long the servers of a stream may take to elect another leader. */
const ELECTION_MS = 10_000;

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
      // Unknown while there is no leader.
      expect(status).toBe(200);
      return (body as { accepted: number }).accepted;
    }, WITHIN_MS);
  const leaderOf = async (stream: string): Promise<string> => {
    const { cluster: group } = await nats.jsm.streams.info(stream);
    expect(group?.leader, `leader of ${stream}`).toBeTruthy();
    return group?.leader ?? '';
  };
  /** Sends readings until `isOver`, at least once; acknowledged readings are not lost. */
  const importUntil = async (isOver: () => boolean): Promise<void> => {
    const log = new NatsReadingsLog(nats.nc, nats.js, nats.jsm);
    do {
      expect((await importCsv(SAMPLE_CSV, log, { latestMs: Date.now(), onProgress: () => undefined })).accepted).toBe(
        SAMPLE_ROWS,
      );
      imports += 1;
      await eventually(async () => expect(await accepted()).toBeGreaterThanOrEqual(imports * SAMPLE_ROWS), WITHIN_MS);
    } while (!isOver());
  };
  const lead = async (stream: string, name: string): Promise<void> =>
    eventually(async () => {
      if ((await leaderOf(stream)) === name) return;
      const order = JSON.stringify({ placement: { preferred: name } });
      await nats.nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, order, { timeout: 2_000 });
      // Another order during the election would start the next one, and the group could go without a leader for long.
      await eventually(async () => expect(await leaderOf(stream)).toBe(name), ELECTION_MS);
    }, WITHIN_MS);
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
    [, api = ''] = await service.waitForOutput(/density-api is ready: (\S+)\/health/);
    ids = await raiseSampleBuilding((method, path, body) => request(`${api}${path}`, method, body));
  });

  afterAll(async () => {
    await service?.dispose();
    await nats?.nc.close();
    await engines?.stop();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([READINGS, SPACE_EVENTS])(
    'loses the leader of %s in the middle of an import, and no reading',
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

  it.each([
    // The Raft logs, too: from those the server would restore what its streams lack.
    ['the end of each of its logs is cut off', async (store: string) => cutEveryTail(store, 0.5)],
    ['an older copy of its store is put in place', async (store: string) => restoreCopy(store, join(folder, 'copy'))],
  ] as const)('L3 loses the newest data of one server: %s', async (_, damage) => {
    for (const stream of STREAMS) await replicasAreCurrent(stream);
    const victim = await leaderOf(READINGS);
    await cluster.kill9(victim);
    await cp(cluster.storeOf(victim), join(folder, 'copy'), { recursive: true });
    await cluster.revive(victim);
    await importUntil(() => true);
    for (const stream of STREAMS) await replicasAreCurrent(stream);

    await cluster.kill9(victim);
    await damage(cluster.storeOf(victim));
    await rm(join(folder, 'copy'), { recursive: true });
    await importUntil(() => true);
    await cluster.revive(victim);
    await importUntil(() => true);
    for (const stream of STREAMS) await replicasAreCurrent(stream);
    // It has caught up, and becomes the leader.
    const { messages } = (await nats.jsm.streams.info(READINGS)).state;
    for (const stream of [READINGS, SPACE_EVENTS]) await lead(stream, victim);
    expect((await nats.jsm.streams.info(READINGS)).state.messages).toBeGreaterThanOrEqual(messages);
    await importUntil(() => true);
  });

  it('ends with the counts of the set of readings', async () => {
    await eventually(async () => {
      const { stored, ...account } = (await get('/account')).body as {
        accepted: number;
        stored: { findings: string[] } | null;
      };
      // Accepted may exceed sent: readings whose acknowledgement was lost were sent again.
      expect(account.accepted).toBeGreaterThanOrEqual(imports * SAMPLE_ROWS);
      expect(account).toEqual(sampleAccount(account.accepted));
      expect(stored?.findings).toEqual([]);
      for (const [id, { net, count }] of [
        [ids.a, EXPECTED.A],
        [ids.b, EXPECTED.B],
      ] as const) {
        expect((await get(`/counts/${id}/current`)).body).toMatchObject({ net, count });
      }
      // Two of three servers have lost nothing, so whatever the third has lost, no inspection of the logs has reported
      // a loss.
      expect((await get('/health')).body).toEqual({ status: 'ok', problems: [], losses: [] });
      expect(await (await fetch(`${api.replace('/api/v1', '')}/metrics`)).text()).toMatch(/^density_log_epoch 0$/m);
    }, WITHIN_MS);
    expect(service.output()).not.toContain('a log has gone back');
    expect(imports).toBeGreaterThan(1);
    expect(service.child.exitCode).toBeNull();
  });
});
