// Waits until readings are counted and stored.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { request } from '../../test/support/local-service.ts';

/** Only a few queries a second, because each costs CPU time of the measured processes. */
const POLL_MS = 250;

/** The number of readings in ClickHouse, of one DPU if one is given. */
export async function readingsStored(clickhouse: ClickHouseClient, dpuId?: string): Promise<number> {
  const where = dpuId === undefined ? '' : ' WHERE dpu_id = {id:String}';
  const result = await clickhouse.query({
    query: `SELECT sum(sign) FROM readings${where}`,
    query_params: { id: dpuId ?? '' },
    format: 'JSONCompactEachRow',
  });
  const rows = await result.json<[string]>();
  return Number(rows[0]?.[0] ?? 0);
}

export async function readingsApplied(api: string): Promise<number> {
  const { status, body } = await request(`${api}/account`, 'GET');
  if (status !== 200) throw new Error(`GET /account: ${status} ${JSON.stringify(body)}`);
  return (body as { applied: number }).applied;
}

/** Waits until `count` returns `wanted`. @throws Error if it returns more, or less for too long */
export async function untilCount(
  count: () => Promise<number>,
  wanted: number,
  what: string,
  withinMs: number,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const now = await count();
    if (now === wanted) return;
    if (now > wanted || performance.now() > deadline) throw new Error(`${now} of ${wanted} are ${what}`);
    await sleep(POLL_MS);
  }
}
