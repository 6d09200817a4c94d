// What healthy processes report to monitors and orchestrators about an unhealthy cluster: shards without an owner, and
// shards that fail again and again in another process.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/domain/health.ts';
import { DensityCluster } from '../support/density-cluster.ts';
import { eventually } from '../support/eventually.ts';

const PARTITIONS = 3;

describe('the health of a cluster', () => {
  let cluster: DensityCluster;
  beforeAll(async () => {
    cluster = await DensityCluster.start({ partitions: PARTITIONS, ttlMs: 1_500 });
  });
  afterAll(async () => cluster?.dispose());

  const health = async (name: string): Promise<{ httpStatus: number; status: string; problems: Problem[] }> => {
    const { status, body } = await cluster.get(name, '/health');
    return { httpStatus: status, ...(body as { status: string; problems: Problem[] }) };
  };
  const probe = async (name: string): Promise<number> =>
    (await fetch(new URL('/readyz', cluster.node(name).api))).status;
  const metrics = async (name: string): Promise<string> =>
    (await fetch(new URL('/metrics', cluster.node(name).api))).text();

  it('reports shards without an owner, and the reporting process is ready', async () => {
    await cluster.join('api', { ROLE: 'api' });
    expect(await probe('api')).toBe(200);
    const { httpStatus, status, problems } = await health('api');
    expect([httpStatus, status]).toEqual([503, 'unavailable']);
    expect(problems.map(({ code, shard }) => `${code} ${shard}`)).toEqual([
      'shard_without_owner 0',
      'shard_without_owner 1',
      'shard_without_owner 2',
    ]);
  });

  it('is ok once every shard has an owner', async () => {
    await cluster.join('shards', { ROLE: 'shards' });
    await eventually(async () =>
      expect(await health('api')).toEqual({ httpStatus: 200, status: 'ok', problems: [], losses: [] }),
    );
    expect(await metrics('shards')).not.toMatch(/^density_problems\{/m);
  });

  it('reports shards that fail again and again in another process, which stays ready', async () => {
    // Every fold fails at this message, which is not a commit.
    await cluster.nats.js.publish('routers.0', 'not a commit');
    await eventually(async () => {
      const { httpStatus, problems } = await health('api');
      expect(httpStatus).toBe(503);
      const looping = problems.filter(({ code }) => code === 'shard_restarting');
      expect(looping.map(({ shard, process }) => [shard, process])).toEqual([
        [0, 'shards'],
        [1, 'shards'],
        [2, 'shards'],
      ]);
    });
    expect([await probe('api'), await probe('shards')]).toEqual([200, 200]);
    await eventually(async () =>
      expect(await metrics('shards')).toMatch(/^density_problems\{code="shard_restarting",shard="2",stream=""\} 1$/m),
    );
  });

  it('allows a process that starts then to become ready, too', async () => {
    await cluster.join('late', { ROLE: 'shards' });
    expect(await probe('late')).toBe(200);
  });

  it('drops the announcements of a process that has gone', async () => {
    await cluster.leave('shards', 'SIGKILL');
    await cluster.leave('late', 'SIGKILL');
    await eventually(async () =>
      expect((await health('api')).problems.map(({ code }) => code)).toEqual(
        Array.from({ length: PARTITIONS }, () => 'shard_without_owner'),
      ),
    );
  });
});
