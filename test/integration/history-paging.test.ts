// Following the pages of history yields everything once, in every order, also after a move retracted many events of one
// millisecond.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { readPage, readPages, type ListPage } from '../support/pages.ts';

const [MOVED, AT] = [12, '2026-11-10T10:00:00.000Z'];

describe('following the links of a list in history', () => {
  let service: LocalService;
  const page = async (path: string): Promise<ListPage<Record<string, unknown>>> => readPage(service, path);
  const walk = async (path: string): Promise<Record<string, unknown>[]> => readPages(service, path);

  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
    for (const name of ['A', 'B']) await service.send('POST', '/spaces', { name });
    for (const space of [1, 2])
      await service.send('POST', '/doorways', { name: `door ${space}`, ingress_space_id: space });
    const moved = Array.from({ length: MOVED }, (_, n) => `a${n}`);
    for (const id of [...moved, 'stays']) await service.send('POST', '/dpus', { id, doorway_id: 1 });
    // Its id is after those of all moved readings.
    await service.send('POST', '/dpus', { id: 'z', doorway_id: 2 });
    await service.send(
      'POST',
      '/readings/batch',
      [...moved, 'stays', 'z'].flatMap((dpu_id) => [
        { dpu_id, timestamp: AT, direction: 1 },
        { dpu_id, timestamp: '2026-11-10T09:00:00Z', direction: -1 },
      ]),
    );
    await eventually(async () => expect((await page('/readings')).total).toBe(2 * (MOVED + 2)));
    for (const id of moved)
      await service.send('PATCH', `/dpus/${id}`, { doorway_id: null, effective_at: '2026-11-10T09:59:59Z' });
    await eventually(async () => expect((await page('/counts')).total).toBe(MOVED + 4));
    // The readings that left the spaces are stored as held, maybe in another partition.
    await eventually(async () => expect((await page('/readings')).total).toBe(2 * (MOVED + 2)));
  });
  afterAll(async () => service?.dispose());

  it.each([false, true])(
    'loses no event when one millisecond holds many retractions (newest first: %s)',
    async (desc) => {
      const whole = (await page(`/counts?limit=1000&desc=${desc}`)).items;
      expect(whole).toHaveLength(MOVED + 4);
      for (const limit of [1, 2, 5]) expect(await walk(`/counts?limit=${limit}&desc=${desc}`)).toEqual(whole);
      const filter = `filter=${encodeURIComponent(`timestamp = '${AT}'`)}`;
      expect((await walk(`/counts?limit=1&desc=${desc}&${filter}`)).map(({ space_id: space }) => space)).toEqual(
        desc ? [2, 1] : [1, 2],
      );
    },
  );

  it.each([
    '/counts/1?sort=count',
    '/counts/1?sort=reading_id',
    '/counts?sort=space_id',
    '/counts?sort=delta',
    '/readings?sort=id',
    '/readings?sort=dpu_id',
    '/readings?sort=direction',
  ])('has everything once: %s', async (path) => {
    for (const desc of [false, true]) {
      const { items, total } = await page(`${path}&limit=1000&desc=${desc}`);
      expect(items.length).toBe(total);
      expect(total).toBeGreaterThan(3);
      for (const limit of [3, 5]) expect(await walk(`${path}&limit=${limit}&desc=${desc}`)).toEqual(items);
    }
  });
});
