// Processes whose clock differs from the NATS server's: what they answer, what they accept, and that they report it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { ACCEPTED_UP_TO } from '../../src/nats/streams.ts';
import { headers } from 'nats';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { metricValue, readMetrics } from '../support/metrics-text.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const KEY = 'a key that only the service has';

/** Another process on the same engines, which owns nothing. */
async function startApi(
  owner: LocalService,
  clock: { aheadMs: number },
  more: Readonly<Record<string, string>> = {},
): Promise<LocalService> {
  return startLocalService(
    {
      NATS_URL: owner.natsUrl,
      CLICKHOUSE_URL: owner.clickhouseUrl,
      ROLE: 'api',
      PARTITIONS: '2',
      READINGS_KEY: KEY,
      ...more,
    },
    () => Date.now() + clock.aheadMs,
  );
}

describe('a process whose clock is off', () => {
  let owner: LocalService;
  let nats: NatsHandles;
  beforeAll(async () => {
    owner = await startLocalService({ PARTITIONS: '2', READINGS_KEY: KEY });
    nats = await connectNats(owner.natsUrl, 'test');
    await owner.send('POST', '/spaces', { name: 'Hall' });
    await owner.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await owner.send('POST', '/dpus', { id: 'd1', doorway_id: 1 });
    await owner.send('POST', '/readings', { dpu_id: 'd1', timestamp: Date.now(), direction: 1 });
    await eventually(async () => expect((await owner.get('/counts/1/current')).body).toMatchObject({ net: 1 }));
  });
  afterAll(async () => {
    await nats?.nc.close();
    await owner?.dispose();
  });

  it('K1 two hours behind: answers with the current count, and reports the problem', async () => {
    const api = await startApi(owner, { aheadMs: -2 * HOUR });
    try {
      const beforeMs = Date.now();
      const { body } = await api.get('/counts/1/current');
      expect(body).toMatchObject({ count: 1, net: 1 });
      expect(Date.parse((body as { timestamp: string }).timestamp)).toBeGreaterThan(beforeMs - MINUTE);
      const skewsIn = ({ body: health }: { body: unknown }): { detail: string }[] =>
        (health as { problems: { code: string; detail: string }[] }).problems.filter(
          ({ code }) => code === 'clock_skew',
        );
      const health = await api.get('/health');
      expect(health.status).toBe(503);
      expect(skewsIn(health)).toMatchObject([
        {
          detail: expect.stringMatching(
            /^the clock of this machine is 7\d\d\d\.\d s behind that of the NATS server/,
          ) as string,
          process: expect.any(String) as string,
        },
      ]);
      expect(metricValue(await readMetrics(api.url), 'density_clock_skew_seconds')).toBeCloseTo(-7_200, -2);
      // The owner lists the problem once it was announced, although its own clock is right.
      await eventually(async () => expect(skewsIn(await owner.get('/health'))).toHaveLength(1));
    } finally {
      await api.dispose();
    }
  });

  it("K1 going wrong while it runs: an answer is never before the log's clock", async () => {
    const clock = { aheadMs: 0 };
    const api = await startApi(owner, clock);
    try {
      clock.aheadMs = -2 * HOUR;
      expect((await api.get('/counts/1/current')).body).toMatchObject({ count: 1, net: 1 });
    } finally {
      await api.dispose();
    }
  });

  it('two hours ahead: accepts no reading from the future', async () => {
    const api = await startApi(owner, { aheadMs: 2 * HOUR });
    try {
      const answer = await api.send('POST', '/readings', { dpu_id: 'd1', timestamp: Date.now() + HOUR, direction: 1 });
      expect(answer.status).toBe(422);
    } finally {
      await api.dispose();
    }
  });
});

describe('a reading that was answered with 202', () => {
  let owner: LocalService;
  let nats: NatsHandles;
  const future = async (): Promise<number> =>
    ((await owner.get('/account')).body as { dead_letters: { future?: number } }).dead_letters.future ?? 0;
  const net = async (): Promise<number> =>
    ((await owner.get('/counts/1/current?at=2100-01-01T00:00:00Z')).body as { net: number }).net;
  beforeAll(async () => {
    // The router allows a minute; processes that answer requests have another setting, and so does any whose clock is ahead.
    owner = await startLocalService({ PARTITIONS: '2', READINGS_KEY: KEY, SKEW_MAX_MS: String(MINUTE) });
    nats = await connectNats(owner.natsUrl, 'test');
    await owner.send('POST', '/spaces', { name: 'Hall' });
    await owner.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await owner.send('POST', '/dpus', { id: 'd1', doorway_id: 1 });
  });
  afterAll(async () => {
    await nats?.nc.close();
    await owner?.dispose();
  });

  it('T11 is counted although the router would have refused it, alone and in a batch', async () => {
    const api = await startApi(owner, { aheadMs: 0 }, { SKEW_MAX_MS: String(2 * HOUR) });
    try {
      const timestamp = Date.now() + HOUR;
      expect((await api.send('POST', '/readings', { dpu_id: 'd1', timestamp, direction: 1 })).status).toBe(202);
      expect(
        (
          await api.send(
            'POST',
            '/readings/batch',
            [1, 2, 3].map((n) => ({ dpu_id: 'd1', timestamp: timestamp + n, direction: 1 })),
          )
        ).body,
      ).toMatchObject({ accepted: 3, rejected: [] });
      await eventually(async () => expect(await net()).toBe(4));
      expect(await future()).toBe(0);
    } finally {
      await api.dispose();
    }
  });

  it('T11 cannot be faked by a device: a mark without the key, for other bytes or for another DPU is ignored', async () => {
    const api = await startApi(owner, { aheadMs: 0 }, { SKEW_MAX_MS: String(2 * HOUR) });
    try {
      const [timestamp, before] = [Date.now() + HOUR + MINUTE, await net()];
      await api.send('POST', '/readings', { dpu_id: 'd1', timestamp, direction: 1 });
      const stored = await nats.jsm.direct.getMessage('READINGS', { last_by_subj: 'readings.*.d1.readings' });
      const genuine = stored?.header.get(ACCEPTED_UP_TO) ?? '';
      expect(genuine).toMatch(/^\d{13}\.[\w-]{43}$/);
      const forged = async (dpuId: string, mark: string, data: Uint8Array | string): Promise<void> => {
        const about = headers();
        about.set(ACCEPTED_UP_TO, mark);
        await nats.js.publish(`dpu.${dpuId}.readings`, data, { headers: about });
      };
      const other = JSON.stringify({ timestamp: timestamp + 1, direction: 1 });
      await forged('d1', `${Date.now() + 2 * HOUR}.${'A'.repeat(43)}`, other);
      await forged('d1', String(Date.now() + 2 * HOUR), other);
      await forged('d1', genuine, other);
      await forged('d2', genuine, stored?.data ?? '');
      // Sent again unchanged, it is the same reading.
      await forged('d1', genuine, stored?.data ?? '');
      await eventually(async () =>
        expect((await owner.get('/account')).body).toMatchObject({
          dead_letters: { future: 4 },
          duplicate: 1,
          remainder: 0,
        }),
      );
      expect(await net()).toBe(before + 1);
    } finally {
      await api.dispose();
    }
  });
});
