// Cursors of a stream on a real server that are opened together at different places, as those of folds that are restored.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { StreamReader, type StreamReaderOptions } from '../../src/nats/stream-reader.ts';
import { READINGS, readingSubject } from '../../src/nats/streams.ts';
import { NatsAlone } from '../support/nats-alone.ts';

const PARTITIONS = 4;
const DPUS = Array.from({ length: 40 }, (_, n) => `dpu-${n}` as DpuId);
const DATA = new Uint8Array(100);

let server: NatsAlone;
beforeAll(async () => {
  server = await NatsAlone.start(PARTITIONS);
});
afterAll(async () => server?.dispose());

const lastSeq = async (): Promise<number> => (await server.nats.jsm.streams.info(READINGS)).state.last_seq;
const consumers = async (): Promise<number> => (await server.nats.jsm.streams.info(READINGS)).state.consumer_count;

function readerOf(options: Partial<StreamReaderOptions> = {}): StreamReader {
  return new StreamReader(server.nats.js, {
    stream: READINGS,
    partitionOf: () => 'all',
    catchUpSubjects: () => [],
    ...options,
  });
}

/** One entry of each DPU, so many times. */
async function publish(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++)
    await Promise.all(DPUS.map(async (id) => server.nats.js.publish(readingSubject(id), DATA, { timeout: 1_000 })));
}

it('does not make a cursor at the end wait for a slow one that was opened together with it', async () => {
  const reader = readerOf({ queueBytesMax: 20_000, heldUpMaxMs: 300 });
  const seq = await lastSeq();
  await publish(100);
  const end = await lastSeq();
  const [ahead, slow] = await Promise.all(
    [end, seq].map(async (afterSeq, k) => reader.open(k as Partition, afterSeq, seq)),
  );
  let slowSeq = seq;
  const reading = (async () => {
    while (slowSeq < end) {
      slowSeq = (await slow?.next(32))?.at(-1)?.seq ?? end;
      // So slowly that the others would need some seconds, and so steadily that it never seems stuck.
      await sleep(50);
    }
  })();
  await publish(1);
  expect(await ahead?.next(1)).toMatchObject([{ seq: end + 1 }]);
  expect(end - slowSeq).toBeGreaterThan((end - seq) / 2);
  await reading;
  await Promise.all([ahead?.close(), slow?.close()]);
});

it('reads once for cursors that are opened together at different places', async () => {
  const reader = readerOf();
  const seq = await lastSeq();
  await publish(3);
  const places = [seq + 60, seq + 20, seq, seq + 3 * DPUS.length];
  const cursors = await Promise.all(
    places.map(async (afterSeq, k) => reader.open(k as Partition, afterSeq, Math.min(...places))),
  );
  expect(await consumers()).toBe(1);
  await publish(1);
  const objects = new Map<number, StoredEntry>();
  for (const [n, cursor] of cursors.entries()) {
    const entries: StoredEntry[] = [];
    while (entries.at(-1)?.seq !== seq + 4 * DPUS.length) entries.push(...(await cursor.next(7)));
    const from = (places[n] ?? 0) + 1;
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => from + index));
    for (const entry of entries) {
      if (!objects.has(entry.seq)) objects.set(entry.seq, entry);
      expect(entry).toBe(objects.get(entry.seq));
    }
    await cursor.close();
  }
});
