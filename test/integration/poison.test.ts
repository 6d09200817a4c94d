// Malicious messages: as large as NATS accepts, and useless. They cost their sender, and nobody else.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedCommit } from '../../src/domain/commit.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { NatsDeadLetters } from '../../src/nats/dead-letters.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsSpaceEventsLog } from '../../src/nats/space-events-log.ts';
import { DEAD_LETTERS } from '../../src/nats/streams.ts';
import type { LogCursor } from '../../src/ports/log.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const MESSAGE_BYTES = 1024 * 1024;
/** Only an upper bound: on a busy machine wall-clock time says little. */
const COUNTED_WITHIN_MS = 60_000;

/**
 * More messages like the first, so that handling all of them takes many times as long as the server needs per message.
 */
const BEHIND = 3;
const ROUTER = 0 as Partition;
/** How much a router consumes with one commit (src/service.ts). */
const COMMIT_ITEMS_MAX = 1_000;

async function nextCommit(cursor: LogCursor): Promise<LoggedCommit> {
  for (;;) {
    const [entry] = await cursor.next(1);
    if (entry) return decodeCommit(entry);
  }
}

/** The time of the readings in it. */
function namesIn(commit: LoggedCommit): (string | undefined)[] {
  return (commit.section(ROUTER)?.events ?? []).map(({ name }) => name);
}

/** An array that repeats some items up to the maximum length of a message. */
function fullOf(...items: readonly string[]): { readonly text: string; readonly items: number } {
  const round = `${items.join(',')},`;
  const rounds = Math.floor((MESSAGE_BYTES - 2) / round.length);
  return { text: `[${round.repeat(rounds).slice(0, -1)}]`, items: rounds * items.length };
}

describe('a message of 1 MB', () => {
  let service: LocalService;
  let nats: NatsHandles;
  let sent = 0;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '1' });
    nats = await connectNats(service.natsUrl, 'test');
    await service.send('POST', '/spaces', { name: 'Hall' });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await service.send('POST', '/dpus', { id: 'good', doorway_id: 1 });
  });
  afterAll(async () => {
    await nats?.nc.close();
    await service?.dispose();
  });
  // A test that fails halfway must not make the next ones fail.
  beforeEach(async () => {
    await eventually(async () => expect((await account()).remainder).toBe(0), COUNTED_WITHIN_MS);
  });

  /** Sends it, and immediately a reading of another DPU. @returns how long that reading takes to be counted, in ms */
  async function othersWait(text: string): Promise<number> {
    await nats.js.publish('dpu.bad.readings', text);
    const [startedAt, count] = [performance.now(), ++sent];
    await nats.js.publish(
      'dpu.good.readings',
      JSON.stringify({ timestamp: Date.now(), direction: 1, id: `n${count}` }),
    );
    await eventually(
      async () => expect((await service.get('/counts/1/current')).body).toMatchObject({ net: count }),
      COUNTED_WITHIN_MS,
    );
    return performance.now() - startedAt;
  }

  async function account(): Promise<{
    accepted: number;
    dead_lettered: number;
    dead_letters: Record<string, number>;
    remainder: number;
  }> {
    return (await service.get('/account')).body as Awaited<ReturnType<typeof account>>;
  }

  const lastCommitSeq = async (): Promise<number> =>
    (await new NatsSpaceEventsLog(nats.js, nats.jsm).lastCommit(ROUTER)).seq;

  const letters = async (): Promise<number> => (await nats.jsm.streams.info(DEAD_LETTERS)).state.messages;

  const useless = [
    ['zeros', fullOf('0'), { bad_reading: 1 }],
    [
      'items that alternate between reasons',
      fullOf('0', '{}', '{"timestamp":1,"direction":1}'),
      { bad_reading: 1 / 3, bad_direction: 1 / 3, clock_unset: 1 / 3 },
    ],
  ] as const;

  it.each(useless)(
    'A1 of %s has one dead letter per reason, and readings of others are counted meanwhile',
    async (_, { text, items }, shares) => {
      const [before, lettersBefore] = [await account(), await letters()];
      const waited = await othersWait(text);
      const startedAt = performance.now();
      await eventually(async () => {
        const after = await account();
        expect(after.accepted).toBe(before.accepted + items + 1);
        expect(after.dead_lettered).toBe(before.dead_lettered + items);
        expect(after.remainder).toBe(0);
        for (const [reason, share] of Object.entries(shares))
          expect(after.dead_letters[reason]).toBe((before.dead_letters[reason] ?? 0) + items * share);
      });
      process.stdout.write(
        `${items} bad items: another DPU's reading was counted after ${Math.round(waited)} ms, the last of them after ${Math.round(waited + performance.now() - startedAt)} ms\n`,
      );
      expect(await letters()).toBe(lettersBefore + Object.keys(shares).length);
    },
  );

  it.each(useless)(
    'of %s is handled in slices, with the readings of others counted in between',
    async (_, { text, items }) => {
      const before = await account();
      const cursor = await new NatsSpaceEventsLog(nats.js, nats.jsm).open(ROUTER, await lastCommitSeq());
      // Without waiting, so that the reading is in the log while the first message is being handled.
      const name = `n${++sent}`;
      const good = JSON.stringify({ timestamp: Date.now(), direction: 1, id: name });
      await Promise.all(
        [text, good, ...Array.from({ length: BEHIND }, () => text)].map(async (data) =>
          nats.js.publish(`dpu.${data === good ? 'good' : 'bad'}.readings`, data, { timeout: 60_000 }),
        ),
      );
      const dead = (BEHIND + 1) * items;
      let commit = await nextCommit(cursor);
      const slices: number[] = [];
      let deadBefore = before.dead_lettered;
      for (; !namesIn(commit).includes(name); commit = await nextCommit(cursor)) {
        slices.push(commit.header.counters.dead - deadBefore);
        deadBefore = commit.header.counters.dead;
      }
      await cursor.close();
      // On a busy machine time proves nothing, but the order does: most of the bad items come after the reading.
      expect(deadBefore - before.dead_lettered).toBeLessThan(dead / 2);
      expect(commit.header.waiting).not.toEqual([]);
      expect(Math.max(0, ...slices)).toBeLessThanOrEqual(COMMIT_ITEMS_MAX);
      await eventually(async () => expect((await account()).dead_lettered).toBe(before.dead_lettered + dead));
    },
  );

  it('that is not JSON is dead-lettered with as much of it as fits', async () => {
    const before = await letters();
    await othersWait('x'.repeat(MESSAGE_BYTES));
    await eventually(async () => expect(await letters()).toBe(before + 1));
    const [letter] = await new NatsDeadLetters(nats.js, nats.jsm).newest(1);
    expect(letter).toMatchObject({ reason: 'bad_json', items: 1, isCut: true, index: 0 });
    expect(letter?.raw.length).toBe(1_000_000);
  });

  it('A1 of good and bad readings is counted, and the bad ones are in one dead letter as they were sent', async () => {
    const [first, bad] = [Date.now() - 60_000, '{"timestamp": "noon",  "direction":1}'];
    const items = Array.from({ length: 5_000 }, (_, n) => [
      JSON.stringify({ timestamp: first + n, direction: 1 }),
      bad,
    ]).flat();
    await service.send('POST', '/dpus', { id: 'mixed', doorway_id: 1 });
    const before = await account();
    await nats.js.publish('dpu.mixed.readings', `[${items.join(', ')}]`);
    sent += 5_000;
    await eventually(async () => {
      expect((await service.get('/counts/1/current')).body).toMatchObject({ net: sent });
      expect((await account()).dead_lettered).toBe(before.dead_lettered + 5_000);
    });
    const [letter] = await new NatsDeadLetters(nats.js, nats.jsm).newest(1);
    expect(letter).toMatchObject({ reason: 'bad_timestamp', items: 5_000, index: 1, isCut: false });
    expect(new TextDecoder().decode(letter?.raw)).toBe(`[${Array.from({ length: 5_000 }, () => bad).join(',')}]`);
  });
});
