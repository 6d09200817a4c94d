// docs/operations.md, "Backup and restore": ClickHouse is lost and restored from last night, together with the logs
// that must be of the same moment, and everything received since is routed again.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { serve, type Running } from '../../src/cli/serve.ts';
import { readConfig } from '../../src/config.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';

const NOON_MS = Date.UTC(2026, 10, 20, 12);
/** The files of the data folder in a nightly backup; `nats stream backup` and FREEZE do the same on servers. */
const OF_ONE_MOMENT = ['clickhouse', 'nats/jetstream/$G/streams/SPACE_EVENTS', 'nats/jetstream/$G/streams/CHECKPOINTS'];

const folders: string[] = [];
let running: Running | undefined;

afterAll(async () => {
  await running?.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'density-restore-'));
  folders.push(path);
  return path;
}

test('readings, moves and resets after the backup are not lost with ClickHouse, and none counts twice', async () => {
  const [data, night] = [await folder(), await folder()];
  const start = async (): Promise<Running> => {
    running = await serve(
      readConfig({
        ...QUICK,
        PARTITIONS: '2',
        NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
        DENSITY_DATA_DIR: data,
      }),
      { printLine: () => undefined, onFailure: () => undefined, logLevel: 'silent' },
    );
    return running;
  };
  const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
    request(`${running?.url}/api/v1${path}`, method, body);
  const enter = async (dpuId: string, minutes: readonly number[]): Promise<void> => {
    for (const minute of minutes)
      expect(
        (await send('POST', '/readings', { dpu_id: dpuId, timestamp: NOON_MS + minute * 60_000, direction: 1 })).status,
      ).toBe(202);
  };
  const says = async (first: number, second: number, account: object): Promise<void> =>
    eventually(async () => {
      expect((await send('GET', '/counts/1/current')).body).toMatchObject({ count: first });
      expect((await send('GET', '/counts/2/current')).body).toMatchObject({ count: second });
      expect((await send('GET', '/account')).body).toMatchObject({ remainder: 0, ...account });
    });

  await start();
  for (const [n, name] of ['hall', 'yard'].entries()) {
    await send('POST', '/spaces', { name });
    await send('POST', '/doorways', { name: `door of ${name}`, ingress_space_id: n + 1 });
  }
  await send('POST', '/dpus', { id: 'a', doorway_id: 1 });
  await enter('a', [1, 2, 3, 3]);
  await says(3, 0, { accepted: 4, applied: 3, duplicate: 1 });
  await running?.stop();
  for (const part of OF_ONE_MOMENT) await cp(join(data, part), join(night, part), { recursive: true });

  await start();
  // The next day: more readings, one that was already in the backup, and a move effective before it.
  await enter('a', [4, 5, 2]);
  await send('PATCH', '/dpus/a', { doorway_id: 2, effective_at: new Date(NOON_MS + 2.5 * 60_000).toISOString() });
  expect(
    (await send('POST', '/spaces/1/resets', { timestamp: new Date(NOON_MS + 90_000).toISOString(), count: 10 })).status,
  ).toBe(201);
  await says(11, 3, { accepted: 7, applied: 5, duplicate: 2 });
  await running?.stop();
  for (const part of OF_ONE_MOMENT) {
    await rm(join(data, part), { recursive: true });
    await cp(join(night, part), join(data, part), { recursive: true });
  }

  await start();
  await says(11, 3, { accepted: 7, applied: 5, duplicate: 2 });
  await enter('a', [6, 3]);
  await says(11, 4, { accepted: 9, applied: 6, duplicate: 3 });
  const intervals = (
    await send(
      'GET',
      `/counts/2/intervals?start=${new Date(NOON_MS).toISOString()}&end=${new Date(NOON_MS + 3_600_000).toISOString()}&interval=1h`,
    )
  ).body;
  expect(intervals).toMatchObject([{ entrances: 4, exits: 0 }]);
}, 180_000);
