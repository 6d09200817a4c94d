// READINGS on the real server: the partition that its subject transform computes, and what remains after a purge.
import type { JetStreamClient } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceOf, dpuOfToken, tokenOfDpu, type DpuId } from '../../src/domain/ids.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { openCursor } from '../../src/nats/log-cursor.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { createStreams, READINGS } from '../../src/nats/streams.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const IDS = [
  '283',
  '423',
  'a',
  'Z_9',
  'dpu-1',
  'x'.repeat(64),
  '0',
  '-',
  'AA:BB:CC:00:11:22',
  'a.b',
  '*',
  '>',
  'a=2Eb',
  'main/door#1+',
  // Lines of a device, some of which would be in another partition than their device.
  ...Array.from({ length: 5 }, (_, n) => `s1/line-${n}`),
  ...Array.from({ length: 40 }, (_, n) => `dpu_${n * n}`),
] as DpuId[];

let service: LocalService;
let nats: NatsHandles;
let log: NatsReadingsLog;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '5' });
  nats = await connectNats(service.natsUrl, 'test');
  log = new NatsReadingsLog(nats.nc, nats.js, nats.jsm);
});
afterAll(async () => {
  await nats?.nc.close();
  await service?.dispose();
});

describe('the READINGS stream', () => {
  it('puts a DPU into the same partition as this code does', async () => {
    for (const id of IDS) await log.append(id, new TextEncoder().encode('{"timestamp":0,"direction":1}'));
    const { state } = await nats.jsm.streams.info(READINGS, { subjects_filter: 'readings.*.*.readings' });
    const stored = Object.keys(state.subjects ?? {}).sort();
    const wanted = IDS.map((id) => `readings.${partitionOfDpu(id, 5)}.${tokenOfDpu(deviceOf(id))}.readings`);
    expect(stored).toEqual([...new Set(wanted)].sort());
  });

  it('has a subject for each DPU, whatever its id', () => {
    expect(IDS.map((id) => dpuOfToken(tokenOfDpu(id)))).toEqual(IDS);
  });

  it('deduplicates by message id for as short a time as the server allows', async () => {
    const { config } = await nats.jsm.streams.info(READINGS);
    expect(config.duplicate_window).toBe(100_000_000);
    // An older installation.
    await nats.jsm.streams.update(READINGS, { duplicate_window: 120_000_000_000 });
    await createStreams(nats.jsm, 5, 1);
    expect((await nats.jsm.streams.info(READINGS)).config.duplicate_window).toBe(100_000_000);
  });

  it('removes messages that are both old and no longer needed', async () => {
    const firstSeq = async (): Promise<number> => (await nats.jsm.streams.info(READINGS)).state.first_seq;
    const timeOf = async (seq: number): Promise<number> =>
      (await nats.jsm.direct.getMessage(READINGS, { seq }))?.time.getTime() ?? 0;
    // Some have the same millisecond.
    await log.purge(30, (await timeOf(1)) - 60_000);
    expect(await firstSeq()).toBe(1);
    await log.purge(40, await timeOf(30));
    expect(await firstSeq()).toBeGreaterThan(1);
    expect(await firstSeq()).toBeLessThanOrEqual(30);
    await log.purge(40, Date.now() + 60_000);
    expect(await firstSeq()).toBe(40);
  });
});

describe('a reader of the log', () => {
  const deaf = (): JetStreamClient =>
    new Proxy(nats.js, {
      get: (js, key) =>
        key === 'consumers'
          ? // A real consumer whose filter matches nothing.
            {
              get: async (stream: string, options: object) =>
                js.consumers.get(stream, { ...options, filter_subjects: ['readings.none'] }),
            }
          : (Reflect.get(js, key) as unknown),
    });

  it('fails if its consumer does not deliver the messages that exist', async () => {
    const cursor = await openCursor(deaf(), READINGS, ['readings.>'], 0, 50);
    await expect(cursor.next(1)).rejects.toThrow(/delivers nothing after 0, but the log holds \d+/);
    await cursor.close();
  });

  it('waits while there is nothing to read', async () => {
    const cursor = await openCursor(deaf(), READINGS, ['readings.nobody.>'], 0, 10);
    const failed = cursor.next(1).then(
      () => false,
      () => true,
    );
    const checked = await openCursor(deaf(), READINGS, ['readings.>'], 0, 50);
    // By the time the other fails, this one has passed several checks.
    await expect(checked.next(1)).rejects.toThrow(/delivers nothing/);
    cursor.wake();
    expect(await failed).toBe(false);
    await Promise.all([cursor.close(), checked.close()]);
  });
});
