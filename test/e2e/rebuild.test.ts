// An unusable checkpoint is refused with a message, and `density rebuild` computes the same state again from ClickHouse
// and the log. Real processes, killed in the middle, on real engines.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { headers } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCsv } from '../../src/cli/csv-import.ts';
import { readConfig } from '../../src/config.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';
import { EXPECTED, raiseSampleBuilding, SAMPLE_CSV } from '../support/sample.ts';

const PARTITIONS = 2;
const TTL_MS = 4_000;
/** The sample's spaces belong to different shards. */
const [A, B] = [1, 2];
const SHARD_OF_A = partitionOfSpace(A as SpaceId, PARTITIONS);

describe('density rebuild', () => {
  let folder: string;
  let engines: Engines;
  let nats: NatsHandles;
  let service: DensityProcess;
  let url: string;

  const environment = (): Record<string, string> => ({
    NATS_URL: engines.natsUrl,
    CLICKHOUSE_URL: engines.clickhouseUrl,
    PARTITIONS: String(PARTITIONS),
    LEASE_TTL_MS: String(TTL_MS),
    NODE_NAME: 'n1',
    INSTANCE_ID: 'n1',
  });
  const start = async (): Promise<void> => {
    service = startDensity(['run'], { ...environment(), LOG_LEVEL: 'error' });
    [, url = ''] = await service.waitForOutput(/density-api is ready: (\S+)\/api\/v1\/health/);
  };
  const get = (path: string): Promise<Answer> => request(`${url}/api/v1${path}`, 'GET');
  const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
    request(`${url}/api/v1${path}`, method, body);
  const density = async (...args: string[]): Promise<{ code: number | null; output: string }> => {
    const command = startDensity(args, { ...environment(), LOG_LEVEL: 'error' });
    return { code: await command.ended(), output: command.output() };
  };
  const rebuild = async (...args: string[]): Promise<string> =>
    eventually(async () => {
      // The membership of a killed process expires with its lease.
      const { code, output } = await density('rebuild', ...args);
      expect(code, output).toBe(0);
      return output;
    });
  /** Retries while a shard is being restored, or has lost its lease. */
  const sound = async (path: string): Promise<unknown> =>
    eventually(async () => {
      const { status, body } = await get(path);
      expect(status, path).toBe(200);
      return body;
    });
  const present = async (): Promise<unknown[]> =>
    Promise.all(
      [A, B].map(async (id) => {
        const {
          count,
          net,
          drift,
          last_reading_at: lastReadingAt,
        } = (await sound(`/counts/${id}/current`)) as Record<string, unknown>;
        return { count, net, drift, lastReadingAt };
      }),
    );
  /** All answers about the sample's year, once they are final. */
  const past = async (): Promise<unknown> => {
    const only = `limit=1000&filter=${encodeURIComponent("timestamp<'2019-01-01'")}`;
    const paths = [A, B].flatMap((id) => [
      `/counts/${id}/intervals?start=2018-02-20T00:00:00Z&end=2018-03-10T00:00:00Z&interval=6h`,
      `/counts/${id}?${only}`,
    ]);
    return Promise.all([...paths, `/readings?${only}`].map(sound));
  };
  const duplicates = async (): Promise<number> =>
    ((await sound('/account')) as { duplicate: number; remainder: number }).duplicate;
  const isFinal = async (): Promise<void> =>
    eventually(async () => {
      for (const id of [A, B])
        expect((await get(`/counts/${id}/current?at=2018-12-01T00:00:00Z`)).body).toMatchObject({ final: true });
    });
  const breakCheckpoint = async (): Promise<void> => {
    const subject = (part: string): string => `checkpoints.${SHARD_OF_A}.${part}`;
    const last = await nats.jsm.direct.getMessage('CHECKPOINTS', { last_by_subj: subject('last') });
    const tagged = headers();
    tagged.set('checkpoint', last?.json<{ id: string }>().id ?? '');
    await nats.js.publish(subject('0'), gzipSync('{"version":1,"partition":0}\n'), { headers: tagged });
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'density-rebuild-'));
    engines = await startEngines(
      readConfig({ ...QUICK, NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'], DENSITY_DATA_DIR: folder }),
      () => undefined,
      (error) => {
        throw error;
      },
    );
    nats = await connectNats(engines.natsUrl, 'test');
    await start();
    await raiseSampleBuilding(send);
    await importCsv(SAMPLE_CSV, new NatsReadingsLog(nats.nc, nats.js, nats.jsm), {
      latestMs: Date.now(),
      onProgress: () => undefined,
    });
    await eventually(async () => expect((await get('/account')).body).toMatchObject({ accepted: 563 }));
    await eventually(async () =>
      expect((await get(`/counts/${A}/current`)).body).toMatchObject({ net: EXPECTED.A.net, count: EXPECTED.A.count }),
    );
    // A retroactive move, and one back; a reset in the past; late readings.
    await send('PATCH', '/dpus/423', { doorway_id: 1, effective_at: '2018-03-01T00:00:00Z' });
    await send('PATCH', '/dpus/423', { doorway_id: 2, effective_at: '2018-03-05T00:00:00Z' });
    await send('POST', `/spaces/${A}/resets`, { timestamp: '2018-02-27T12:00:00Z', count: 3 });
    await send(
      'POST',
      '/readings/batch',
      Array.from({ length: 40 }, (_, n) => ({
        dpu_id: n % 3 === 0 ? '423' : '283',
        timestamp: `2018-02-26T10:00:${String(n).padStart(2, '0')}Z`,
        direction: n % 2 === 0 ? 1 : -1,
      })),
    );
    await isFinal();
    // A graceful stop saves checkpoints; later readings are in the log and only partly in ClickHouse.
    expect(await service.end('SIGTERM')).toBe(0);
    await start();
  });
  afterAll(async () => {
    await service?.dispose();
    await nats?.nc.close();
    await engines?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is refused while a process runs, and names that process', async () => {
    const { code, output } = await density('rebuild');
    expect(code).toBe(1);
    expect(output).toContain('the service is running: n1; stop every process first');
    expect((await density('rebuild', '--shard', '3')).output).toContain(
      'there is no shard 3: shards are numbered 0 to 1 (PARTITIONS)',
    );
  });

  it('C1 a checkpoint of another version is refused while other shards are served; after a rebuild every answer is as before', async () => {
    const [{ net }] = (await present()) as [{ net: number }];
    const [history, known] = [await past(), await duplicates()];
    // Current readings are provisional, so they are in no block when the process is killed.
    const now = Date.now();
    const visit = [1, 1, -1, 1].map((direction, n) => ({
      dpu_id: '283',
      timestamp: new Date(now - n).toISOString(),
      direction,
    }));
    expect((await send('POST', '/readings/batch', visit)).status).toBe(202);
    const counted = await eventually(async () => {
      const found = await present();
      expect(found[0]).toMatchObject({ net: net + 2 });
      return found;
    });
    await service.end('SIGKILL');
    await breakCheckpoint();

    await start();
    const refused = await eventually(async () => {
      const answer = await get(`/counts/${A}/current`);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '60']);
      return answer;
    });
    const why = new RegExp(
      `the checkpoint of shard ${SHARD_OF_A} cannot be used: it is of version 1, and this code reads versions 3 to 8; stop every process and run: density rebuild --shard ${SHARD_OF_A}`,
    );
    expect((refused.body as { detail: string }).detail).toMatch(why);
    expect(service.output()).toMatch(why);
    await eventually(async () => {
      expect(await (await fetch(`${url}/readyz`)).text()).toMatch(why);
      expect((await get('/health')).body).toMatchObject({
        status: 'unavailable',
        problems: [
          {
            code: 'shard_refused',
            detail: expect.stringMatching(why) as string,
            process: expect.any(String) as string,
            shard: expect.any(Number) as number,
          },
        ],
      });
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('\ndensity_shards_refused 1\n');
    });
    await sound(`/counts/${B}/current`);
    await service.end('SIGKILL');

    expect(JSON.parse(await rebuild('--shard', String(SHARD_OF_A), '--json'))).toMatchObject([
      { shard: SHARD_OF_A, seq: expect.any(Number) as number },
    ]);
    await start();
    expect(await present()).toEqual(counted);
    expect(await past()).toEqual(history);

    // The service continues: the same readings are duplicates, also after another crash.
    await send('POST', '/readings/batch', visit);
    await eventually(async () => expect(await duplicates()).toBe(known + visit.length));
    await service.end('SIGKILL');
    await start();
    await isFinal();
    expect(await present()).toEqual(counted);
    expect(await past()).toEqual(history);
  });
});
