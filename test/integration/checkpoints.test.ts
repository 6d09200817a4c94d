// The CHECKPOINTS stream of a real NATS server: a damaged checkpoint is refused by name and never misread; routers then
// assume the lowest sequence.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headers } from 'nats';
import { CheckpointRefused, encodeSnapshot } from '../../actors/partition/snapshot.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { startNatsServer } from '../../src/local/nats/nats-server.ts';
import { NatsCheckpoints } from '../../src/nats/checkpoints.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { checkpointOf } from '../support/checkpoint.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { decodedSnapshot } from '../support/decoded-snapshot.ts';
import { QUICK } from '../support/local-service.ts';

const P = 1 as Partition;
const PARTITIONS = 3;

describe('a checkpoint', () => {
  let folder: string;
  let server: { url: string; stop(): Promise<void> };
  let nats: NatsHandles;
  let checkpoints: NatsCheckpoints;
  let revision = 0;

  const description = async (): Promise<{ id: string; chunks: number }> =>
    (await nats.jsm.direct.getMessage('CHECKPOINTS', { last_by_subj: `checkpoints.${P}.last` }))?.json<{
      id: string;
      chunks: number;
    }>() ?? { id: '', chunks: 0 };
  const save = async (): Promise<void> => {
    revision =
      (await checkpoints.save(
        P,
        checkpointOf(7, encodeSnapshot(new PartitionFold(P, PARTITIONS))),
        (await checkpoints.last(P)).revision,
      )) ?? 0;
  };
  const load = async (): Promise<unknown> => {
    const found = await checkpoints.load(P);
    return decodedSnapshot(P, PARTITIONS, found?.snapshot ?? []);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'density-checkpoints-'));
    server = await startNatsServer({
      binary: process.env['NATS_SERVER_BIN'] ?? '',
      dataDir: join(folder, 'nats'),
      host: '127.0.0.1',
      port: 0,
      mqttPort: 0,
      name: 'test',
      syncInterval: QUICK.NATS_SYNC_INTERVAL,
      logFile: join(folder, 'log'),
      onExit: () => undefined,
    });
    nats = await connectNats(server.url, 'test');
    await createStreams(nats.jsm, PARTITIONS, 1);
    checkpoints = new NatsCheckpoints(nats.js, nats.jsm);
  });
  afterAll(async () => {
    await nats?.nc.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is loaded as it was saved', async () => {
    await save();
    expect(revision).toBeGreaterThan(0);
    expect(await load()).toBeInstanceOf(PartitionFold);
    expect((await checkpoints.last(P)).storedBeforeSeq).toBe(7);
  });

  it('is refused when a part is damaged, of another checkpoint, or missing', async () => {
    await save();
    const tagged = headers();
    tagged.set('checkpoint', (await description()).id);
    await nats.js.publish(`checkpoints.${P}.0`, 'no gzip', { headers: tagged });
    await expect(load()).rejects.toThrow('the checkpoint of shard 1 cannot be used: it is damaged');
    tagged.set('checkpoint', 'another');
    await nats.js.publish(`checkpoints.${P}.0`, 'no gzip', { headers: tagged });
    await expect(load()).rejects.toThrow(
      'a part of it is missing; stop every process and run: density rebuild --shard 1',
    );
    await nats.jsm.streams.purge('CHECKPOINTS', { filter: `checkpoints.${P}.0` });
    await expect(load()).rejects.toThrow('a part of it is missing');
  });

  it('is refused when its description cannot be read, and can still be replaced', async () => {
    await nats.js.publish(`checkpoints.${P}.last`, '{"id":');
    await expect(load()).rejects.toThrow('its description cannot be read');
    expect((await checkpoints.last(P)).storedBeforeSeq).toBe(0);
    expect((await checkpoints.last(P)).revision).toBeGreaterThan(revision);
    await save();
    expect(await load()).toBeInstanceOf(PartitionFold);
  });

  it('is not saved when its lines fail while they are written, and the one before stays', async () => {
    await save();
    const lines = async function* (): AsyncGenerator<string> {
      yield await Promise.resolve('a line');
      throw new Error('this line fails');
    };
    await expect(checkpoints.save(P, checkpointOf(8, lines()), revision)).rejects.toThrow('this line fails');
    expect((await checkpoints.last(P)).revision).toBe(revision);
    await expect(load()).resolves.toBeInstanceOf(PartitionFold);
  });

  it('F2 of an earlier version keeps the rule of that version for late blocks', () => {
    const [first = ''] = [...encodeSnapshot(new PartitionFold(P, PARTITIONS))];
    const header = JSON.parse(first) as { readonly settings: Settings };
    const settings = { ...header.settings, repeatedLateBlockAgeMaxMs: 60_000 };
    const restored = (version: number): Settings =>
      decodedSnapshot(P, PARTITIONS, [JSON.stringify({ ...header, version, settings })]).settings;
    expect(restored(8)).toEqual(settings);
    expect(restored(7)).toEqual({ ...settings, repeatedLateBlockAgeMaxMs: settings.lateBlockAgeMaxMs });
  });

  it('is refused when it belongs to another version or shard, or is truncated', () => {
    const lines = [...encodeSnapshot(new PartitionFold(P, PARTITIONS))];
    const header = JSON.parse(lines[0] ?? '') as object;
    const refusal = (change: object): string => {
      try {
        decodedSnapshot(P, PARTITIONS, [JSON.stringify({ ...header, ...change })]);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointRefused);
        return String(error);
      }
      return 'not refused';
    };
    expect(refusal({})).toBe('not refused');
    expect(refusal({ version: 1 })).toContain('it is of version 1, and this code reads versions 3 to 8');
    expect(refusal({ version: 9 })).toContain('it is of version 9, and this code reads versions 3 to 8');
    expect(refusal({ partitions: 16 })).toContain('it belongs to shard 1 of 16, not to 1 of 3');
    expect(refusal({ spaces: 1 })).toContain('a part of it is missing');
    expect(() => decodedSnapshot(P, PARTITIONS, [])).toThrow(CheckpointRefused);
    expect(() => decodedSnapshot(P, PARTITIONS, ['{"version":'])).toThrow('it is not JSON');
  });
});
