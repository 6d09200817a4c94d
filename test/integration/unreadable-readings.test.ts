// A flipped bit in READINGS, where no checksum of nats-server reaches: the server skips the message, and says nothing.
import { afterEach, expect, it } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { returnsAll } from '../../src/nats/returned-messages.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { flipHeadersLengthBit } from '../support/damage.ts';
import { NatsAlone } from '../support/nats-alone.ts';

/** More than one batch, so that the message is missing within one and at the end of another. */
const MESSAGES = 1_500;
const WITHIN_MS = 10_000;
let server: NatsAlone | undefined;
afterEach(async () => server?.dispose());

it.each([
  ['oldest', 1],
  ['newest', MESSAGES],
] as const)('the %s message is not returned', async (which, seq) => {
  server = await NatsAlone.start(1);
  const { nc: ncBefore, js: jsBefore, jsm: jsmBefore } = server.nats;
  const before = new NatsReadingsLog(ncBefore, jsBefore, jsmBefore);
  const bytes = new TextEncoder().encode('{}');
  for (let n = 0; n < MESSAGES; n += 500)
    await Promise.all(Array.from({ length: 500 }, () => before.append('d' as DpuId, bytes, 'a mark')));
  expect(await before.unreadable(0, MESSAGES)).toEqual([]);
  const start = await server.kill();
  await flipHeadersLengthBit(server.natsFolder, 'READINGS', which, 1);
  await start();
  const { nc, js, jsm } = await connectNats(server.url, 'test');
  try {
    const log = new NatsReadingsLog(nc, js, jsm);
    expect(await log.bounds()).toEqual({ firstSeq: 1, lastSeq: MESSAGES });
    expect(await log.at(seq)).toBe(undefined);
    expect(await log.unreadable(0, MESSAGES)).toEqual([seq]);
    expect(await log.unreadable(seq, MESSAGES)).toEqual([]);
    expect(await log.unreadable(0, seq - 1)).toEqual([]);
    await jsm.streams.purge('READINGS', { seq: seq + 1 });
    expect(await log.unreadable(0, MESSAGES)).toEqual([]);
  } finally {
    await nc.close();
  }
});

it('messages that are gone from the middle, or that are not there yet, are not returned and not unreadable', async () => {
  server = await NatsAlone.start(1);
  const { nc, js, jsm } = server.nats;
  const log = new NatsReadingsLog(nc, js, jsm);
  // A tick has no bytes, as the answer has that says that there is nothing to return.
  await log.tick(0 as Partition);
  for (let n = 0; n < 9; n++) await log.append('d' as DpuId, new TextEncoder().encode('{}'), 'a mark');
  await jsm.streams.deleteMessage('READINGS', 5);
  const isReturned = async (fromSeq: number, toSeq: number): Promise<boolean> =>
    returnsAll(nc, 'READINGS', { fromSeq, toSeq }, WITHIN_MS);
  expect(await Promise.all([isReturned(1, 4), isReturned(6, 10), isReturned(1, 1)])).toEqual([true, true, true]);
  expect(await Promise.all([isReturned(1, 5), isReturned(5, 9), isReturned(6, 11), isReturned(11, 11)])).toEqual(
    Array.from({ length: 4 }, () => false),
  );
  const askedAt = performance.now();
  expect(await isReturned(6, 1_000)).toBe(false);
  expect(performance.now() - askedAt).toBeLessThan(WITHIN_MS);
  expect(await log.unreadable(0, 10)).toEqual([]);
  expect(await log.unreadable(10, 12)).toEqual([]);
});
