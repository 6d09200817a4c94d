// The service with its nats-server and ClickHouse engine, with the default settings.
import { formatInstant } from '../../../src/domain/instant.ts';
import { READINGS, readingSubject } from '../../../src/nats/streams.ts';
import { request } from '../../../test/support/local-service.ts';
import { CountedPublisher } from '../counted-publisher.ts';
import { CpuMeter } from '../cpu.ts';
import { fleetOf, importDpus, importSpaces } from '../fleet-building.ts';
import { SYNC_INTERVAL, withService, type Processes } from '../processes.ts';
import { readingsApplied, readingsStored, untilCount } from '../stored.ts';
import { csvOf, dpuName, type Crowd } from './crowd.ts';
import { QUARTER_MS, QUARTERS, type Peer } from './peer.ts';

const WITHIN_MS = 900_000;
const SETTINGS = { READINGS_KEY: 'not a secret in a benchmark' };
const BATCH_HEADER = 'dpu_id,timestamp,direction,id\n';
/** More than the time that readings may be out of order. */
const ALIVE_AFTER_MS = 10_000;

export async function withDensity(crowd: Crowd, act: (peer: Peer) => Promise<void>): Promise<void> {
  await withService(async (processes) => {
    const fleet = fleetOf(crowd.spaces, crowd.dpus);
    await importSpaces(processes.api, fleet);
    await importDpus(processes.api, fleet);
    await act(peerOn(processes, crowd));
  }, SETTINGS);
}

function peerOn({ api, nats, clickhouse, pids }: Processes, crowd: Crowd): Peer {
  // An empty service gives ids in the order of the import.
  const idOfSpace = (space: number): number => space + 1;
  const idOfDoorOf = (dpu: number): number => dpu + 1;
  const ask = async <Answer>(path: string): Promise<Answer> => {
    const { status, body } = await request(`${api}${path}`, 'GET');
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body as Answer;
  };
  return {
    name: 'density-api',
    design: `many readings by POST /readings/batch, single ones over NATS; sync_interval ${SYNC_INTERVAL}, parts of ClickHouse are synced`,
    meter: () => new CpuMeter(pids),
    encode: (readings) => `${BATCH_HEADER}${csvOf(readings)}`,
    insertMany: async (body) => {
      const response = await fetch(`${api}/readings/batch`, {
        method: 'POST',
        headers: { 'content-type': 'text/csv' },
        body,
      });
      const text = await response.text();
      if (response.status !== 202 || !text.includes('"rejected_count":0'))
        throw new Error(`POST /readings/batch: ${response.status} ${text}`);
    },
    insertOne: async (_client, { dpu, atMs, direction, id }) =>
      void (await nats.js.publish(
        readingSubject(dpuName(dpu)),
        JSON.stringify({ timestamp: formatInstant(atMs), direction, id }),
      )),
    untilCounted: async (readings) => untilCount(() => readingsApplied(api), readings, 'counted', WITHIN_MS),
    untilStored: async (readings, untilMs) => {
      // Makes all readings final, so that no time passes in which the service waits for DPUs that have nothing to say.
      const publisher = new CountedPublisher(nats.nc);
      const heartbeat = JSON.stringify({ timestamp: formatInstant(untilMs + ALIVE_AFTER_MS) });
      for (let dpu = 0; dpu < crowd.dpus; dpu++) publisher.publish(`dpu.${dpuName(dpu)}.heartbeat`, heartbeat);
      await publisher.finish();
      await untilCount(() => readingsStored(clickhouse), readings, 'stored', WITHIN_MS);
    },
    countNow: async (space) => (await ask<{ count: number }>(`/counts/${idOfSpace(space)}/current`)).count,
    countAt: async (space, atMs) =>
      (await ask<{ count: number }>(`/counts/${idOfSpace(space)}/current?at=${formatInstant(atMs)}`)).count,
    countsOfDay: async (space, startMs) => {
      const span = `start=${formatInstant(startMs)}&end=${formatInstant(startMs + QUARTERS * QUARTER_MS)}`;
      const rows = await ask<{ count: number }[]>(`/counts/${idOfSpace(space)}/intervals?${span}&interval=15m`);
      return rows.map(({ count }) => count);
    },
    move: async (dpu, toDoorOfDpu, fromMs) => {
      const change = { doorway_id: idOfDoorOf(toDoorOfDpu), effective_at: formatInstant(fromMs) };
      const { status, body } = await request(`${api}/dpus/${dpuName(dpu)}`, 'PATCH', change);
      if (status !== 200) throw new Error(`PATCH /dpus/${dpuName(dpu)}: ${status} ${JSON.stringify(body)}`);
    },
    bytesStored: async () => {
      const result = await clickhouse.query({
        query: 'SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()',
        format: 'JSONCompactEachRow',
      });
      const [[bytes] = []] = await result.json<[string]>();
      const { state } = await nats.jsm.streams.info(READINGS);
      return Number(bytes) + state.bytes;
    },
  };
}
