// While nobody passes, nothing is written to the logs, and answers still become final.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { READINGS, SPACE_EVENTS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const [TICK_MS, IDLE_MS, DISORDER_MS, BLOCK_AGE_MS] = [50, 500, 200, 300];

describe('an idle service', () => {
  let service: LocalService;
  let nats: NatsHandles;
  beforeAll(async () => {
    service = await startLocalService({
      TICK_INTERVAL_MS: String(TICK_MS),
      IDLE_TIMEOUT_MS: String(IDLE_MS),
      OUT_OF_ORDERNESS_MS: String(DISORDER_MS),
      BLOCK_AGE_MAX_MS: String(BLOCK_AGE_MS),
    });
    nats = await connectNats(service.natsUrl, 'test');
    await service.send('POST', '/spaces', { name: 'Hall' });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    // The second DPU never reports, and another router reads it, so that router's clock has to advance, too.
    for (const id of ['a', 'silent-1', 'silent-2', 'silent-3'])
      await service.send('POST', '/dpus', { id, doorway_id: 1 });
  });
  afterAll(async () => {
    await nats.nc.close();
    await service.dispose();
  });

  const ends = async (): Promise<[number, number]> => {
    const [readings, events] = await Promise.all([
      nats.jsm.streams.info(READINGS),
      nats.jsm.streams.info(SPACE_EVENTS),
    ]);
    return [readings.state.last_seq, events.state.last_seq];
  };
  const current = async (query = ''): Promise<{ count: number; final: boolean; watermark: string | null }> =>
    (await service.get(`/counts/1/current${query}`)).body as {
      count: number;
      final: boolean;
      watermark: string | null;
    };

  it('writes nothing once everything is final and stored', async () => {
    const timestamp = new Date().toISOString();
    await service.send('POST', '/readings', { dpu_id: 'a', timestamp, direction: 1 });
    await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(1));
    expect(await current(`?at=${timestamp}`)).toMatchObject({ count: 1, final: true });
    let [before, since] = [await ends(), Date.now()];
    await eventually(async () => {
      const now = await ends();
      if (String(now) !== String(before)) [before, since] = [now, Date.now()];
      expect(Date.now() - since).toBeGreaterThan(20 * TICK_MS);
    });
  });

  it('asks for no entry while no stream grows', async () => {
    const asked: string[] = [];
    nats.nc.subscribe('$JS.API.STREAM.>', { callback: (_, { subject }) => void asked.push(subject) });
    // The silence of every consumer is checked between three questions for the end of each stream.
    const ends = [READINGS, SPACE_EVENTS].map((stream) => `$JS.API.STREAM.INFO.${stream}`);
    await eventually(() => {
      const since = asked.slice(
        asked.findLastIndex((subject) => !ends.includes(subject) && subject.includes('.GET.')) + 1,
      );
      for (const end of ends) expect(since.filter((subject) => subject === end).length).toBeGreaterThanOrEqual(4);
    });
  });

  it('N1 answers at the first question that an instant is final that became so by time alone', async () => {
    const { watermark } = await current();
    const atMs = Date.parse(watermark ?? '') + 700;
    await eventually(() => expect(Date.now()).toBeGreaterThan(atMs + IDLE_MS + DISORDER_MS));
    expect(await current(`?at=${new Date(atMs).toISOString()}`)).toMatchObject({ count: 1, final: true });
  });

  it('N1 answers that intervals in the past are final and the current one is not', async () => {
    const minute = 60_000;
    const { watermark } = await current();
    await eventually(() => expect(Date.now() % minute).toBeGreaterThan(2 * (IDLE_MS + DISORDER_MS)), 2 * minute);
    await eventually(() =>
      expect(Date.now()).toBeGreaterThan(Date.parse(watermark ?? '') + 2 * (IDLE_MS + DISORDER_MS)),
    );
    const startMs = Math.floor(Date.now() / minute) * minute - minute;
    const { body } = await service.get(
      `/counts/1/intervals?start=${new Date(startMs).toISOString()}&end=${new Date(startMs + 2 * minute).toISOString()}&interval=1m`,
    );
    expect((body as { final: boolean }[]).map(({ final }) => final)).toEqual([true, false]);
  });
});
