// Lists of history on the real service, checked against the oracle: every page, from both ends, while the newest events
// are only in memory; and filters over the same fields.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { readPage, readPages, type ListPage } from '../support/pages.ts';

interface Item {
  readonly timestamp: string;
  readonly count: number;
  readonly net: number;
  readonly delta: number;
  readonly reading_id: string;
  readonly space_id: number;
  readonly final: boolean;
}

describe('lists of history', () => {
  let service: LocalService;
  const start = Date.now() - 3_600_000;
  const iso = (ms: number): string => new Date(ms).toISOString();
  const resetMs = start + 25_500;
  /** Doorway 1 leads from the yard into the hall; every fourth person leaves, and two pass in the same millisecond. */
  const readings = Array.from({ length: 60 }, (_, index) => ({
    dpu_id: index % 7 === 3 ? 'b' : 'a',
    timestamp: iso(start + Math.floor(index / 2) * 1_000),
    direction: index % 4 === 1 || index < 3 ? -1 : 1,
    id: `r${String(index).padStart(2, '0')}`,
  }));
  const idOf = ({ dpu_id, timestamp, direction, id }: (typeof readings)[number]): string =>
    `${dpu_id}~${Date.parse(timestamp)}~${direction > 0 ? '+' : '-'}.${id}`;
  const [first, fourth] = [0, 3].map((index) => idOf(readings[index] as (typeof readings)[number]));
  const expected = (space: 1 | 2): { count: number; net: number; reading_id: string }[] => {
    let [net, lowestNet, isReset] = [0, 0, false];
    const ordered = [...readings].sort((a, b) => (a.timestamp + idOf(a) < b.timestamp + idOf(b) ? -1 : 1));
    return ordered.map((reading) => {
      if (space === 1 && !isReset && Date.parse(reading.timestamp) > resetMs) [net, lowestNet, isReset] = [7, 7, true];
      net += space === 1 ? reading.direction : -reading.direction;
      lowestNet = Math.min(lowestNet, net);
      return { count: net - Math.min(0, lowestNet), net, reading_id: idOf(reading) };
    });
  };
  const bare = (items: readonly Item[]): object[] =>
    items.map(({ count, net, reading_id }) => ({ count, net, reading_id }));
  const list = async (path: string): Promise<ListPage<Item>> => readPage(service, path);
  const all = async (path: string): Promise<Item[]> => readPages(service, path);

  beforeAll(async () => {
    // Blocks are cut late, so that the newest events are only in memory.
    service = await startLocalService({ PARTITIONS: '2', BLOCK_AGE_MAX_MS: '1500' });
    for (const name of ['Hall', 'Yard']) await service.send('POST', '/spaces', { name });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1, egress_space_id: 2 });
    for (const id of ['a', 'b']) await service.send('POST', '/dpus', { id, doorway_id: 1 });
    await service.send('POST', '/spaces/1/resets', { timestamp: iso(resetMs), count: 7 });
    for (const some of [readings.slice(0, 40), readings.slice(40)]) {
      await service.send('POST', '/readings/batch', some);
      await eventually(async () =>
        expect((await service.get('/account')).body).toMatchObject({
          applied: some === readings || some[0]?.id === 'r00' ? 40 : 60,
        }),
      );
    }
  });
  afterAll(async () => service?.dispose());

  it.each(['while some are in memory', 'when all are stored'])(
    'has the count after each event of a space, on pages from both ends, %s',
    async (when) => {
      if (when === 'when all are stored')
        await eventually(async () => expect((await list('/readings')).total).toBe(60));
      for (const space of [1, 2] as const) {
        const whole = expected(space);
        // Routed readings are folded a moment later.
        await eventually(async () => expect(bare((await list(`/counts/${space}?limit=1000`)).items)).toEqual(whole));
        expect(bare(await all(`/counts/${space}?limit=7`))).toEqual(whole);
        expect(bare(await all(`/counts/${space}?limit=7&desc=true`))).toEqual([...whole].reverse());
        expect(bare((await list(`/counts/${space}?limit=5&offset=33`)).items)).toEqual(whole.slice(33, 38));
      }
      expect((await list('/counts/1?limit=1')).total).toBe(60);
    },
  );

  it('has the events of all spaces', async () => {
    await eventually(async () => expect((await list('/counts?limit=1')).total).toBe(120));
    for (const path of ['/counts?limit=7', '/counts?limit=50&desc=true']) {
      const items = await all(path);
      if (path.includes('desc')) items.reverse();
      for (const space of [1, 2] as const)
        expect(bare(items.filter(({ space_id }) => space_id === space))).toEqual(expected(space));
    }
  });

  it('ends the last interval at the end of time', async () => {
    for (const interval of ['15m', '12h', '1d', '1w', '1M']) {
      const { status, body } = await service.get(
        `/counts/1/intervals?start=9999-12-30T00:00:00Z&end=9999-12-31T23:59:59.998Z&interval=${interval}`,
      );
      expect([status, (body as { end: string }[]).at(-1)?.end], interval).toEqual([200, '9999-12-31T23:59:59.999Z']);
    }
  });

  it('filters and sorts counts, including computed ones', async () => {
    const of = (filter: string): string => `/counts/1?limit=1000&filter=${encodeURIComponent(filter)}`;
    expect(
      bare((await list(of(`timestamp >= '${iso(start + 10_000)}' and timestamp < '${iso(start + 12_000)}'`))).items),
    ).toEqual(expected(1).slice(20, 24));
    expect(bare((await list(of('count > 9'))).items)).toEqual(expected(1).filter(({ count }) => count > 9));
    expect((await list('/counts/1?sort=count&desc=true&limit=1')).items[0]?.count).toBe(
      Math.max(...expected(1).map(({ count }) => count)),
    );
  });

  it('lists, filters and looks up readings', async () => {
    const ids = (items: readonly object[]): string[] => items.map((item) => (item as { id: string }).id);
    await eventually(async () => expect((await list('/readings')).total).toBe(60));
    const whole = expected(1).map(({ reading_id: id }) => id);
    expect(ids(await all('/readings?limit=7'))).toEqual(whole);
    expect(ids(await all('/readings?limit=7&desc=true'))).toEqual([...whole].reverse());
    const out = await list(
      `/readings?limit=1000&filter=${encodeURIComponent("dpu_id = 'b' and direction = 1 and doorway_id is not null")}`,
    );
    expect(ids(out.items)).toEqual(
      whole.filter((id) => id.startsWith('b') && readings.find(({ id: name }) => id.endsWith(name))?.direction === 1),
    );
    expect(out.total).toBe(out.items.length);
    expect((await service.get(`/readings/${first}`)).body).toEqual({
      id: first,
      dpu_id: 'a',
      timestamp: iso(start),
      entrances: 0,
      exits: 1,
      excluded: false,
      deleted: false,
      direction: -1,
      doorway_id: 1,
    });
    expect((await service.get('/readings/a.nothing')).status).toBe(404);
  });

  it('is safe against SQL in a filter', async () => {
    for (const text of ["dpu_id = 'x'' OR 1=1 --'", 'dpu_id = "\\\\\' OR 1=1 --"', "id in ('{f0:String}', '%s')"]) {
      expect((await list(`/readings?filter=${encodeURIComponent(text)}`)).items).toEqual([]);
    }
    const refused = await service.get(`/readings?filter=${encodeURIComponent("dpu_id = 'a' UNION SELECT 1")}`);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'filter', position: 13 }] } });
  });

  it('lets a list be cached if its whole range is final, and revalidated if it grows', async () => {
    const caching = async (path: string): Promise<string | null> =>
      (await service.get(path)).headers.get('cache-control');
    await eventually(async () =>
      expect((await list('/counts/1?limit=1000')).items.every(({ final }) => final)).toBe(true),
    );
    const upTo = encodeURIComponent(`timestamp <= '${iso(start)}'`);
    expect(await caching(`/counts/1?limit=5&filter=${upTo}`)).toBe('private, max-age=300');
    for (const path of [
      '/counts/1',
      '/counts/1?limit=5',
      '/counts/1?desc=true',
      '/counts',
      `/counts?filter=${upTo}`,
      '/readings',
      `/readings/${first}`,
      `/counts/1?filter=${encodeURIComponent("timestamp < '2099-01-01'")}`,
    ]) {
      expect(await caching(path), path).toBe('private, no-cache');
      const etag = (await service.get(path)).headers.get('etag') ?? '';
      expect((await fetch(`${service.api}${path}`, { headers: { 'if-none-match': etag } })).status, path).toBe(304);
    }
    expect(await caching('/counts/1/current')).toBe('no-store');
  });

  it('continues from a page with the right count when earlier history has changed meanwhile', async () => {
    const behind = { dpu_id: 'a', timestamp: iso(start - 5_000), direction: 1, id: 'late' };
    const isStored = (path: string, expected: object) => async (): Promise<void> =>
      expect((await service.get(path)).body).toMatchObject(expected);
    const changes: readonly [change: () => Promise<unknown>, isThere: () => Promise<void>][] = [
      [async () => service.send('POST', '/readings', behind), isStored(`/readings/${idOf(behind)}`, { direction: 1 })],
      [
        async () => service.send('POST', '/spaces/1/resets', { timestamp: iso(start + 2_500), count: 40 }),
        async () => undefined,
      ],
      [
        async () => service.send('PATCH', '/dpus/b', { doorway_id: null, effective_at: iso(start - 10_000) }),
        isStored(`/readings/${fourth}`, { doorway_id: null }),
      ],
    ];
    for (const [change, isThere] of changes) {
      const before = bare((await list('/counts/1?limit=1000')).items);
      const { next = '' } = await list('/counts/1?limit=12');
      const another = next.replace('/counts/1?', '/counts/2?');
      await change();
      await eventually(isThere);
      const now = await eventually(async () => {
        const { items } = await list('/counts/1?limit=1000');
        expect(bare(items)).not.toEqual(before);
        return items;
      });
      const page = await eventually(async () => {
        const { items } = await list(next);
        expect(bare(items)).toEqual(
          bare(now.slice(now.findIndex(({ reading_id: id }) => id === items[0]?.reading_id)).slice(0, 12)),
        );
        return items;
      });
      expect(page.length).toBeGreaterThan(10);
      // A cursor is a position; its count belongs to one space.
      const [there, all2] = [(await list(another)).items, (await list('/counts/2?limit=1000')).items];
      expect(bare(there)).toEqual(
        bare(all2.slice(all2.findIndex(({ reading_id: id }) => id === there[0]?.reading_id)).slice(0, 12)),
      );
    }
  });

  it('lists a reading once, at the doorway where it counts now', async () => {
    await eventually(async () => {
      const { items } = await list('/readings?limit=1000');
      const stored = await readPage<{ dpu_id: string; doorway_id: number | null }>(service, '/readings?limit=1000');
      const ofB = stored.items.filter(({ dpu_id: id }) => id === 'b');
      expect(ofB.map(({ doorway_id: doorway }) => doorway)).toEqual(Array(9).fill(null));
      expect(items).toHaveLength(61);
      expect(await all('/readings?limit=7')).toEqual(items);
    });
  });

  it('still lists the events of a deleted space in the list over all spaces', async () => {
    const everywhere = async (): Promise<object[]> =>
      (await all('/counts?limit=50')).map(({ space_id, count, net, reading_id }) => ({
        space_id,
        count,
        net,
        reading_id,
      }));
    const [before, { total }] = [await everywhere(), await list('/counts?limit=1')];
    expect(new Set((await all('/counts?limit=50')).map(({ space_id }) => space_id))).toEqual(new Set([1, 2]));
    for (const path of ['/dpus/a', '/dpus/b', '/doorways/1', '/spaces/2'])
      expect((await service.send('DELETE', path)).status, path).toBe(204);
    expect((await service.get('/counts/2')).status).toBe(404);
    expect(await everywhere()).toEqual(before);
    expect((await list('/counts?limit=1')).total).toBe(total);
  });
});
