// Intervals that a device reports again with other numbers, on real engines: of the readings of one interval the greatest revision
// counts, whatever way and order they arrive in, and whether or not the service has been restarted in between.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { serve, type Running } from '../../src/cli/serve.ts';
import { readConfig, type Config } from '../../src/config.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';

const START_MS = Date.now() - 3_600_000;
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();

let dataDir: string;
let config: Config;
let running: Running;

async function start(): Promise<void> {
  running = await serve(config, { printLine: () => undefined, onFailure: () => undefined, logLevel: 'silent' });
}

async function restart(): Promise<void> {
  await running.stop();
  await start();
}

const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${running.url}/api/v1${path}`, method, body);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'density-revisions-'));
  config = readConfig({
    ...QUICK,
    PARTITIONS: '2',
    OUT_OF_ORDERNESS_MS: '0',
    IDLE_TIMEOUT_MS: '100',
    NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
    DENSITY_DATA_DIR: dataDir,
  });
  await start();
});
afterAll(async () => {
  await running?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A space with one door from outside, and the DPU above it. @returns the ids of both */
async function spaceWith(dpuId?: string): Promise<{ space: number; doorway: number }> {
  const { id: space } = (await send('POST', '/spaces', { name: `Hall of ${dpuId ?? 'nobody'}` })).body as {
    id: number;
  };
  const { id: doorway } = (await send('POST', '/doorways', { name: `Door ${space}`, ingress_space_id: space }))
    .body as { id: number };
  if (dpuId !== undefined) expect((await send('POST', '/dpus', { id: dpuId, doorway_id: doorway })).status).toBe(201);
  return { space, doorway };
}

interface Interval {
  readonly dpu_id: string;
  readonly timestamp: string;
  readonly start: string;
  readonly entrances: number;
  readonly exits: number;
  readonly revision: number | undefined;
  readonly id?: string;
}

const interval = (
  dpuId: string,
  revision: number,
  [entrances, exits]: readonly [number, number],
  more: Partial<Interval> = {},
): Interval => ({ dpu_id: dpuId, timestamp: at(60), start: at(0), entrances, exits, revision, ...more });

async function post(...readings: readonly Interval[]): Promise<void> {
  for (const reading of readings) expect(await send('POST', '/readings', reading)).toMatchObject({ status: 202 });
}

const countOf = async (space: number): Promise<unknown> => (await send('GET', `/counts/${space}/current`)).body;
const expectCount = (space: number, net: number): Promise<void> =>
  eventually(async () => expect(await countOf(space)).toMatchObject({ net }));
const stored = async (dpuId: string): Promise<Interval[]> =>
  (await send('GET', `/readings?limit=100&filter=${encodeURIComponent(`dpu_id = '${dpuId}'`)}`)).body as Interval[];

/** `revision: entrances-exits` of all stored readings of a DPU. */
const expectStored = (dpuId: string, ...expected: readonly string[]): Promise<void> =>
  eventually(async () =>
    expect(
      (await stored(dpuId)).map(({ revision, entrances, exits }) => `${revision}: ${entrances}-${exits}`).sort(),
    ).toEqual([...expected].sort()),
  );

const account = async (): Promise<Record<'accepted' | 'applied' | 'duplicate' | 'remainder', number>> =>
  (await send('GET', '/account')).body as Record<'accepted' | 'applied' | 'duplicate' | 'remainder', number>;

describe('intervals with a revision', () => {
  it('T18 count once, by the greatest revision, in any order, after a restart and after a move', async () => {
    const { space } = await spaceWith('r1');
    const elsewhere = await spaceWith();
    await post(interval('r1', 1, [5, 3]), interval('r1', 0, [40, 4]));
    await expectCount(space, 2);
    await expectStored('r1', '1: 5-3', '0: 0-0');
    await restart();
    // From here on the router knows of the first two from ClickHouse alone.
    await post(interval('r1', 3, [9, 2]), interval('r1', 2, [70, 7]));
    await expectCount(space, 7);
    await expectStored('r1', '3: 9-2', '2: 0-0', '1: 0-0', '0: 0-0');
    // Another interval of the same end, and one that is not sent with a revision.
    const plain = { ...interval('r1', 0, [100, 0]), revision: undefined };
    await post(interval('r1', 0, [1, 0], { start: at(30) }), plain);
    await expectCount(space, 108);
    await restart();
    const before = await account();
    await post(interval('r1', 0, [40, 4]), interval('r1', 1, [5, 3]), interval('r1', 3, [9, 2]));
    await eventually(async () =>
      expect(await account()).toMatchObject({
        accepted: before.accepted + 3,
        applied: before.applied,
        duplicate: before.duplicate + 3,
        remainder: 0,
      }),
    );
    // Less than what is stored, and not known.
    await post(interval('r1', 2, [80, 8]));
    await eventually(async () => expect(await stored('r1')).toHaveLength(7));
    await expectCount(space, 108);
    await send('PATCH', '/dpus/r1', { doorway_id: elsewhere.doorway, effective_at: at(10) });
    await expectCount(elsewhere.space, 108);
    await expectCount(space, 0);
    await post(interval('r1', 4, [0, 0]));
    await expectCount(elsewhere.space, 101);
  });

  it('T18 of equal revisions the one with the most people counts, then the one with the most entrances, then by id', async () => {
    const { space } = await spaceWith('r2');
    await post(interval('r2', 0, [2, 3], { id: 'z' }), interval('r2', 0, [3, 2], { id: 'b' }));
    await expectCount(space, 1);
    await post(interval('r2', 0, [3, 2], { id: 'a' }), interval('r2', 0, [3, 2]), interval('r2', 0, [3, 1]));
    await expectStored('r2', '0: 0-0', '0: 3-2', '0: 0-0', '0: 0-0', '0: 0-0');
    expect((await stored('r2')).find(({ entrances }) => entrances > 0)?.id).toMatch(/r0\.b$/);
    await post(interval('r2', 0, [6, 0]));
    await expectCount(space, 6);
    await eventually(async () => {
      const counts = (await send('GET', `/counts/${space}`)).body;
      expect(counts).toMatchObject([{ timestamp: at(60), entrances: 6, exits: 0, delta: 6, count: 6 }]);
    });
  });

  it('T18 arrive over NATS, MQTT, HTTP, in batches, as CSV, and from a file', async () => {
    const { space } = await spaceWith('r3');
    const revision = (n: number): Interval => interval('r3', n, [n, 0]);
    const row = (n: number): string =>
      `timestamp,dpu_id,entrances,exits,start,revision\n${at(60)},r3,${n},0,${at(0)},${n}\n`;
    const batch = (type: string, body: string): Promise<Response> =>
      fetch(`${running.url}/api/v1/readings/batch`, { method: 'POST', headers: { 'content-type': type }, body });
    const message = (n: number): string => JSON.stringify({ ...revision(n), dpu_id: undefined });
    const ways: readonly ((n: number) => Promise<unknown>)[] = [
      async (n) => {
        const nats = await connectNats(running.natsUrl, 'revisions');
        await nats.js.publish('dpu.r3.readings', message(n));
        await nats.nc.close();
      },
      async (n) => {
        const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.mqttPort}`, { protocolVersion: 4 });
        await client.publishAsync('dpu/r3/readings', message(n), { qos: 1 });
        await client.endAsync();
      },
      (n) => post(revision(n)),
      (n) => batch('application/json', JSON.stringify([revision(n)])),
      (n) => batch('application/x-ndjson', JSON.stringify(revision(n))),
      (n) => batch('text/csv', row(n)),
      async (n) => {
        const file = join(dataDir, 'revisions.csv');
        await writeFile(file, row(n));
        await createProgram({
          readConfig: () =>
            readConfig({
              HOST: '127.0.0.1',
              PORT: new URL(running.url).port,
              NATS_URL: running.natsUrl,
              PARTITIONS: '2',
            }),
          printLine: () => undefined,
          warn: () => undefined,
          finish: (code) => expect(code).toBe(0),
        }).parseAsync(['node', 'density', 'import', file]);
      },
    ];
    for (const [index, way] of ways.entries()) {
      await way(index + 1);
      await expectCount(space, index + 1);
    }
    await expectStored('r3', ...ways.map((_, index) => (index + 1 === ways.length ? '7: 7-0' : `${index + 1}: 0-0`)));
    const id = `r3~${Date.parse(at(60))}~7-0-${Date.parse(at(0))}r7`;
    expect((await send('GET', `/readings/${id}`)).body).toMatchObject({ id, start: at(0), revision: 7, entrances: 7 });
  });

  it('are refused without a start or a timestamp, by name of the field', async () => {
    for (const missing of ['start', 'timestamp'])
      expect(await send('POST', '/readings', { ...interval('r4', 1, [1, 0]), [missing]: undefined })).toMatchObject({
        status: 422,
        body: { detail: expect.stringContaining('revision') as string },
      });
  });
});
