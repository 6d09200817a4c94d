// `known_at` on the real service: by the place of an answer, by a time, and what is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { readPlacedPages } from '../support/pages.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Count {
  readonly count: number;
  readonly final: boolean;
  readonly timestamp: string;
  readonly as_of: string;
}

let service: LocalService;
let space = 0;
const DAY = '2026-03-02T';
const reading = (time: string, direction: 1 | -1): object => ({
  dpu_id: 'door',
  timestamp: `${DAY}${time}Z`,
  direction,
});

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
  space = await service.create('/spaces', { name: 'hall', capacity: 10 });
  const doorway = await service.create('/doorways', { name: 'door', ingress_space_id: space });
  await service.send('POST', '/dpus', { id: 'door', doorway_id: doorway });
});
afterAll(async () => service?.dispose());

async function send(...readings: object[]): Promise<void> {
  const { applied } = (await service.get('/account')).body as { applied: number };
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () =>
    expect((await service.get('/account')).body).toMatchObject({
      applied: applied + readings.length,
      stored: { missing: 0 },
    }),
  );
}

const current = async (query: string): Promise<Count> => {
  const { status, body } = await service.get(`/counts/${space}/current${query}`);
  expect(body).toMatchObject({ as_of: expect.stringMatching(/^counts-/) as string });
  expect(status).toBe(200);
  return body as Count;
};
/** A time at which this was known. A place is recorded with the block that contains it, which is cut after the answer. */
const recorded = async (check: (time: string) => Promise<void>): Promise<string> =>
  eventually(async () => {
    const now = new Date().toISOString();
    await check(now);
    return now;
  });
const INTERVALS = `start=${DAY}08:00:00Z&end=${DAY}10:00:00Z&interval=1h`;
const refusal = async (path: string): Promise<string> => {
  const { status, body } = await service.get(path);
  const { errors, detail } = body as { errors: readonly { path: string }[]; detail: string };
  expect([status, errors.map(({ path: field }) => field)]).toEqual([422, ['known_at']]);
  return detail;
};

describe('an answer is given again by its place', () => {
  it('T24 after late readings, a reset and a smaller capacity, now, at an instant and by interval', async () => {
    await send(reading('08:10:00', 1), reading('08:20:00', 1), reading('09:30:00', -1));
    await eventually(async () => expect((await current(`?at=${DAY}09:00:00Z`)).final).toBe(true));
    const [now, at] = [await current(''), await current(`?at=${DAY}09:00:00Z`)];
    expect([now.count, at.count]).toEqual([1, 2]);
    const explained = await service.get(`/counts/${space}/explain?at=${DAY}09:00:00Z`);
    const profile = await service.get(`/counts/${space}/profile?start=${DAY}08:00:00Z&end=${DAY}10:00:00Z`);
    const intervals = await service.get(`/counts/${space}/intervals?${INTERVALS}`);
    const both = await service.get(`/counts/intervals?space_id=${space}&${INTERVALS}`);
    const [place, places] = [intervals.headers.get('as-of') ?? '', both.headers.get('as-of') ?? ''];

    await send(reading('08:15:00', 1), reading('08:50:00', 1));
    expect(
      (await service.send('POST', `/spaces/${space}/resets`, { timestamp: `${DAY}08:05:00Z`, count: 20 })).status,
    ).toBe(201);
    await service.send('PATCH', `/spaces/${space}`, { capacity: 5 });
    await eventually(async () => expect((await current('')).count).toBe(23));

    expect(await current(`?known_at=${now.as_of}`)).toEqual(now);
    expect(await current(`?known_at=${at.as_of}`)).toEqual(at);
    expect(await current(`?at=${DAY}09:00:00Z&known_at=${now.as_of}`)).toMatchObject({ count: 2, utilization: 0.2 });
    const { as_of: explainedAt } = explained.body as Count;
    const explainedAgain = await service.get(`/counts/${space}/explain?known_at=${explainedAt}`);
    expect(explainedAgain.body).toEqual({ ...(explained.body as object), held_back_by: null, late_events: null });
    const { as_of: profiledAt } = profile.body as Count;
    const profileAgain = await service.get(
      `/counts/${space}/profile?start=${DAY}08:00:00Z&end=${DAY}10:00:00Z&known_at=${profiledAt}`,
    );
    expect(profileAgain.body).toEqual(profile.body);
    const again = await service.get(`/counts/${space}/intervals?${INTERVALS}&known_at=${place}`);
    expect(again.body).toEqual(intervals.body);
    expect(again.headers.get('as-of')).toBe(place);
    const bothAgain = await service.get(`/counts/intervals?space_id=${space}&${INTERVALS}&known_at=${places}`);
    expect(bothAgain.body).toEqual(both.body);
    expect((await service.get(`/counts/${space}/intervals?${INTERVALS}`)).body).not.toEqual(intervals.body);
  });

  it('T24 for a time it is that of the newest recorded place, whose as_of gives it again', async () => {
    const before = await recorded(async (time) => expect((await current(`?known_at=${time}`)).count).toBe(23));
    await send(reading('09:40:00', 1));
    await eventually(async () => expect((await current('')).count).toBe(24));
    const known = await current(`?known_at=${before}`);
    expect(known).toMatchObject({ count: 23, timestamp: before });
    expect(await current(`?known_at=${known.as_of}`)).toEqual(known);
  });

  it('T26 so are the counts after each event, page by page, after late readings, a deletion and a reset', async () => {
    await send(reading('10:00:00', 1), reading('10:10:00', 1), reading('10:20:00', -1), reading('10:30:00', 1));
    const all = `/counts/${space}?filter=${encodeURIComponent(`timestamp >= '${DAY}09:00:00Z'`)}&tz=space`;
    await eventually(async () => expect((await current(`?at=${DAY}10:31:00Z`)).final).toBe(true));
    const before = await service.get(all);
    expect(before.body).toMatchObject({ length: 6 });
    const [place, total] = [before.headers.get('as-of') ?? '', before.headers.get('x-total-count')];
    const time = await recorded(async (now) =>
      expect((await service.get(`${all}&known_at=${now}`)).body).toMatchObject({ length: 6 }),
    );

    await send(reading('09:50:00', 1), reading('10:15:00', 1));
    const deleted = encodeURIComponent((before.body as { reading_id: string }[])[2]?.reading_id ?? '');
    await service.send('DELETE', `/readings/${deleted}?reason=wrong`);
    await service.send('POST', `/spaces/${space}/resets`, { timestamp: `${DAY}09:45:00Z`, count: 7 });
    await eventually(async () => expect((await service.get(all)).headers.get('x-total-count')).not.toBe(total));

    const again = await service.get(`${all}&known_at=${place}`);
    expect([again.body, again.headers.get('as-of')]).toEqual([before.body, place]);
    expect(again.headers.get('x-total-count')).toBe(total);
    const walked = await readPlacedPages(service, `${all}&limit=2&known_at=${place}`);
    expect(walked.items).toEqual(before.body);
    expect(walked.places).toEqual(new Set([place]));
    const backwards = await readPlacedPages(service, `${all}&limit=2&desc=true&known_at=${place}`);
    expect(backwards.items).toEqual([...(before.body as unknown[])].reverse());
    const sorted = await service.get(`${all}&sort=count&known_at=${place}`);
    expect(sorted.headers.get('x-total-count')).toBe(total);
    // A cursor of the present in a question about the past: it says where the page starts, and nothing else.
    const next = (await service.get(`${all}&limit=4`)).headers.get('link') ?? '';
    const cursor = /cursor=([^&>]*)/.exec(next)?.[1] ?? '';
    const rest = await service.get(`${all}&cursor=${cursor}&known_at=${place}`);
    expect(before.body).toEqual(expect.arrayContaining(rest.body as unknown[]) as unknown);
    const byTime = await readPlacedPages(service, `${all}&limit=2&known_at=${time}`);
    expect(byTime.items).toHaveLength((before.body as unknown[]).length);
    expect(byTime.places.size).toBe(1);
  });

  it('T24 or is refused, with the reason', async () => {
    expect(await refusal(`/counts/${space}/current?known_at=2026-01-01T00:00:00Z`)).toMatch(
      /too early.* from 20\d\d-.* on/,
    );
    expect(await refusal(`/counts/${space}/current?known_at=2199-01-01T00:00:00Z`)).toMatch(/in the future/);
    expect(await refusal(`/counts/${space}/current?known_at=topology-57-1br58n9`)).toMatch(
      /must be the as_of of an answer/,
    );
    const { as_of: place } = await current('');
    const other = await service.create('/spaces', { name: 'other' });
    expect(await refusal(`/counts/${other}/current?known_at=${place}`)).toMatch(
      /about space 1, and this question is about/,
    );
    const dryRun = await service.send('PUT', `/dpus/door?dry_run=true`, { doorway_id: 1 });
    expect(dryRun.status).toBe(200);
    expect((dryRun.body as { as_of: string }).as_of).toMatch(/^topology-/);
  });
});
