// Any process answers for any space, by asking its owner, with a deadline. While there is no owner it answers 503, or
// with the last known count if the client allows it; never with a wrong count.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DensityCluster } from '../support/density-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/local-service.ts';

const TTL_MS = 5_000;

describe('a question about a space', () => {
  let cluster: DensityCluster;
  const send = async (name: string, method: string, path: string, body: unknown): Promise<void> => {
    expect((await request(`${cluster.node(name).api}${path}`, method, body)).status, path).toBeLessThan(300);
  };

  beforeAll(async () => {
    cluster = await DensityCluster.start({ partitions: 2, ttlMs: TTL_MS });
    await cluster.join('owner');
    await cluster.join('api', { ROLE: 'api' });
    await send('owner', 'POST', '/spaces', { name: 'hall' });
    await send('owner', 'POST', '/doorways', { name: 'door', ingress_space_id: 1, egress_space_id: null });
    await send('owner', 'POST', '/dpus', { id: 'd1', doorway_id: 1 });
    await send('owner', 'POST', '/readings', { dpu_id: 'd1', timestamp: '2024-03-29T12:00:00Z', direction: 1 });
  });
  afterAll(async () => cluster.dispose());

  const counted = { count: 1, net: 1 };

  it('is answered by a process that owns nothing, by asking the owner', async () => {
    await eventually(() => expect(cluster.shares()).toEqual({ owner: 2 }));
    await eventually(async () => {
      const { status, body } = await cluster.get('api', '/counts/1/current');
      expect(status).toBe(200);
      expect(body).toMatchObject(counted);
      expect(body).not.toHaveProperty('stale');
    });
    for (const path of [
      '/counts/1/current?at=2024-03-29T12:00:00Z',
      '/counts/1',
      '/counts',
      '/counts/1/intervals?start=2024-03-29T00:00:00Z&end=2024-03-30T00:00:00Z',
    ]) {
      await eventually(async () => expect((await cluster.get('api', path)).status, path).toBe(200));
    }
    expect((await cluster.get('api', '/counts/2/current')).status).toBe(404);
  });

  it('gets 503 with retry-after while the shard has no owner, or the last known count marked `stale` if the client allows it', async () => {
    await cluster.leave('owner', 'SIGKILL');
    const refused = await cluster.get('api', '/counts/1/current');
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.body).toMatchObject({
      title: expect.any(String) as string,
      detail: 'the shard of the space has no owner at the moment',
    });
    for (const path of ['/counts/1', '/counts/1/intervals', '/counts/1/current?at=2024-03-29T12:00:00Z']) {
      const answer = await cluster.get('api', path);
      expect(answer.status, path).toBe(503);
      expect(Number(answer.headers.get('retry-after')), path).toBeGreaterThan(0);
    }
    const known = await cluster.get('api', '/counts/1/current?stale=true');
    expect(known.status).toBe(200);
    expect(known.body).toMatchObject({ ...counted, stale: true });
  });

  it('is answered, and not as stale, as soon as the shard has an owner', async () => {
    await cluster.join('next');
    await eventually(async () => {
      const { status, body } = await cluster.get('api', '/counts/1/current?stale=true');
      expect(status).toBe(200);
      expect(body).toMatchObject(counted);
      expect(body).not.toHaveProperty('stale');
    });
  });
});
