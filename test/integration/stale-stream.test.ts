// The live stream while a router is behind, because it waits for ClickHouse: counts that may lack something say so, and
// the others go on.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DpuId, SpaceId } from '../../src/domain/ids.ts';
import { partitionOfDpu, partitionOfSpace } from '../../src/domain/partition.ts';
import type { LocalClickhouse } from '../../src/local/clickhouse/clickhouse-engine.ts';
import { startCuttableProxy, type CuttableProxy } from '../support/cuttable-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { openEvents, type SseClient } from '../support/event-source.ts';
import { freePorts } from '../support/free-ports.ts';
import { startClickhouseIn } from '../support/killable-engines.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const PARTITIONS = 2;
let folder: string;
let clickhouse: LocalClickhouse;
let proxy: CuttableProxy;
let service: LocalService;
let client: SseClient | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-stale-stream-'));
  const [port = 0] = await freePorts(1);
  clickhouse = await startClickhouseIn(folder, port);
  proxy = await startCuttableProxy(clickhouse.url);
  service = await startLocalService({ PARTITIONS: String(PARTITIONS), CLICKHOUSE_URL: proxy.url });
});
afterAll(async () => {
  client?.close();
  await service?.dispose();
  await proxy?.stop();
  await clickhouse?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** DPUs whose router is in a partition. */
function* dpusOf(router: number): Generator<string> {
  for (let n = 0; ; n++) if (partitionOfDpu(`d${n}` as DpuId, PARTITIONS) === router) yield `d${n}`;
}

/** A space with a doorway and DPUs above it. */
async function newSpace(dpus: readonly string[]): Promise<number> {
  const space = await service.create('/spaces', { name: `Hall of ${dpus[0]}` });
  const doorway = await service.create('/doorways', { name: `Door of ${dpus[0]}`, ingress_space_id: space });
  for (const id of dpus) expect((await service.send('POST', '/dpus', { id, doorway_id: doorway })).status).toBe(201);
  return space;
}

async function enter(dpu: string): Promise<void> {
  const reading = { dpu_id: dpu, timestamp: new Date().toISOString(), direction: 1 };
  expect((await service.send('POST', '/readings', reading)).status).toBe(202);
}

/** The last count of a space on the stream, and whether it is stale. */
function last({ events }: SseClient, spaceId: number): readonly [unknown, unknown] {
  const data = events.findLast((event) => event.data['space_id'] === spaceId)?.data;
  return [data?.['count'], data?.['stale'] ?? false];
}

it('T30 goes on for the spaces of other routers, and says which counts may lack something', async () => {
  const stuck = dpusOf(0);
  const [dpu, moved, other] = [stuck.next().value, stuck.next().value, dpusOf(1).next().value] as string[];
  if (dpu === undefined || moved === undefined || other === undefined) throw new Error('there are no such DPUs');
  const waiting = await newSpace([dpu]);
  await newSpace([moved]);
  const going = await newSpace([other]);
  // One owner, one feed: what is stale depends on the space.
  expect(partitionOfSpace(waiting as SpaceId, PARTITIONS)).toBe(partitionOfSpace(going as SpaceId, PARTITIONS));
  const stream = (client = await openEvents(`${service.api}/counts/stream`, {}));
  for (const each of [dpu, moved, other]) await enter(each);
  await eventually(() => {
    expect(last(stream, waiting)).toEqual([1, false]);
    expect(last(stream, going)).toEqual([1, false]);
  });
  const snapshots = (): number => stream.events.filter(({ event }) => event === 'snapshot').length;
  // A space that its shard did not know yet when the stream began has none.
  const atFirst = snapshots();
  proxy.cut();
  // What it has sent in the last hour, the router has to read from ClickHouse.
  const effectiveAt = new Date(Date.now() - 3_600_000).toISOString();
  const move = { doorway_id: 1, effective_at: effectiveAt };
  expect((await service.send('PATCH', `/dpus/${moved}`, move)).status).toBe(200);
  await enter(dpu);
  await eventually(() => expect(last(stream, waiting)).toEqual([1, true]));
  await enter(other);
  await eventually(() => expect(last(stream, going)).toEqual([2, false]));
  // Who comes now is told at once.
  const late = await openEvents(`${service.api}/counts/stream?space_id=${waiting},${going}`, {});
  await eventually(() =>
    expect([last(late, waiting), last(late, going)]).toEqual([
      [1, true],
      [2, false],
    ]),
  );
  late.close();
  proxy.restore();
  await eventually(() => expect(last(stream, waiting)).toEqual([3, false]));
  expect(snapshots()).toBe(atFirst);
  expect(stream.events.filter(({ data }) => data['space_id'] === going && data['stale'] === true)).toEqual([]);
});
