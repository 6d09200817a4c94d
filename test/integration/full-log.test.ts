// A NATS server whose store is full of readings: publishers are refused, everything else continues, and readings that
// are stored in ClickHouse are removed to make space.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountCommand } from '../../src/cli/account-command.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { CHECKPOINTS, DEAD_LETTERS, READINGS, SPACE_EVENTS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { metricValue, readMetrics } from '../support/metrics-text.ts';

const STORE = 256 * 1024 * 1024;
const FIRST_MS = Date.UTC(2026, 0, 1);

describe('a store full of readings', () => {
  let service: LocalService;
  let nats: NatsHandles;
  beforeAll(async () => {
    service = await startLocalService({ NATS_STORE_MAX: '256MB', DEAD_LETTERS_BYTES_MAX: '4MB', PARTITIONS: '2' });
    nats = await connectNats(service.natsUrl, 'test');
    await service.send('POST', '/spaces', { name: 'Hall' });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await service.send('POST', '/dpus', { id: 'd1', doorway_id: 1 });
  });
  afterAll(async () => {
    await nats?.nc.close();
    await service?.dispose();
  });

  const net = async (): Promise<unknown> => ((await service.get('/counts/1/current')).body as { net: number }).net;
  /** A reading, padded with white space to the length of a large message. */
  const padded = (n: number): string =>
    `${JSON.stringify({ timestamp: FIRST_MS + n, direction: 1 })}${' '.repeat(900_000)}`;

  it('reserves space for the other streams', async () => {
    const bounds = await Promise.all(
      [READINGS, SPACE_EVENTS, DEAD_LETTERS].map(async (name) => (await nats.jsm.streams.info(name)).config),
    );
    expect(bounds.map(({ max_bytes: bytes, discard }) => [bytes, discard])).toEqual([
      [Math.floor(STORE * 0.6), 'new'],
      [STORE * 0.25, 'new'],
      [4 * 1024 * 1024, 'old'],
    ]);
  });

  it('refuses publishers, counts the readings it has, and accepts readings again once those are stored', async () => {
    let accepted = 0;
    const refusal = await (async () => {
      for (;;) {
        try {
          await nats.js.publish('dpu.d1.readings', padded(accepted));
          accepted += 1;
        } catch (error) {
          return error;
        }
      }
    })();
    expect(String(refusal)).toContain('maximum bytes exceeded');
    // Without the limit this would be more than fits beside the other streams.
    expect(accepted).toBeGreaterThan(150);
    const posted = await service.send('POST', '/readings', {
      dpu_id: 'd1',
      timestamp: FIRST_MS - 1,
      direction: 1,
      id: 'x'.repeat(64),
    });
    // A few bytes may be left, enough for one small reading.
    if (posted.status === 202) accepted += 1;
    const batch = await service.send(
      'POST',
      '/readings/batch',
      Array.from({ length: 20_000 }, (_, n) => ({ dpu_id: 'd2', timestamp: FIRST_MS + n, direction: 1 })),
    );
    expect(batch.status).toBe(503);
    expect(batch.headers.get('retry-after')).toBe('30');
    expect(batch.body).toMatchObject({
      type: 'urn:density:problem:unavailable',
      detail: expect.stringContaining('the log of readings is full') as string,
    });

    // Everything else continues.
    await eventually(async () => expect(await net()).toBe(accepted), 180_000);
    expect((await service.send('POST', '/spaces', { name: 'Annex' })).status).toBe(201);
    await eventually(async () => expect((await nats.jsm.streams.info(CHECKPOINTS)).state.messages).toBeGreaterThan(0));
    expect((await service.get('/account')).body).toMatchObject({ remainder: 0 });

    // This happens by itself, once a checkpoint says that the readings in the log are in ClickHouse.
    await eventually(async () => nats.js.publish('dpu.d1.readings', padded(accepted)), 120_000);
    expect(
      (await service.send('POST', '/readings', { dpu_id: 'd1', timestamp: FIRST_MS - 2, direction: 1 })).status,
    ).toBe(202);
    await eventually(async () => expect(await net()).toBe(accepted + 2));
    await eventually(async () =>
      expect(metricValue(await readMetrics(service.url), 'density_readings_log_full_ratio')).toBeLessThan(0.8),
    );
    // The oldest readings were removed, and no more than needed.
    const { state } = await nats.jsm.streams.info(READINGS);
    expect(state.first_seq).toBeGreaterThan(1);
    expect(state.bytes).toBeGreaterThan(STORE * 0.6 * 0.3);
  });

  it('A1 keeps dead letters within their limit, and counts those it has evicted', async () => {
    const MESSAGES = 12;
    for (let n = 0; n < MESSAGES; n++) await nats.js.publish('dpu.bad.readings', 'x'.repeat(1_000_000));
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({ dead_lettered: MESSAGES, remainder: 0 }),
    );
    const account = (await service.get('/account')).body as Record<
      'dead_letters' | 'dead_letters_evicted',
      { bad_json: number }
    >;
    expect(account.dead_letters_evicted.bad_json).toBeGreaterThan(MESSAGES / 2);
    expect(account.dead_letters.bad_json).toBeGreaterThan(0);
    expect(account.dead_letters.bad_json + account.dead_letters_evicted.bad_json).toBe(MESSAGES);
    expect((await nats.jsm.streams.info(DEAD_LETTERS)).state.bytes).toBeLessThan(4 * 1024 * 1024);
    const output: string[] = [];
    expect(await accountCommand(service.config, { url: service.url }, (line) => output.push(line))).toBe(0);
    expect(output.join('\n')).toContain('evicted (DEAD_LETTERS_BYTES_MAX');
  });
});
