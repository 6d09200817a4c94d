// Explanations over HTTP and on the command line: two doorways between an office, a hall and the street, a DPU that was moved,
// a reset, and people who left while nobody was in.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
const START_MS = Date.UTC(2024, 2, 29, 8);
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();
/** Its id has to be quoted in a filter. */
const DPU = "o'neill";

interface Explained {
  readonly doorways: readonly {
    readonly doorway_id: number;
    readonly dpu_id: string;
    readonly entrances: number;
    readonly exits: number;
    readonly readings_url: string;
  }[];
  readonly count: number;
  readonly final: boolean;
  readonly watermark: string | null;
  readonly held_back_by: { readonly dpu_id: string | null; readonly router: number } | null;
  readonly provisional: object;
  readonly late_events: number;
}

const send = async (...readings: object[]): Promise<void> => {
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
};
const TEXT = expect.any(String) as string;
const explain = async (space: number, query = ''): Promise<Explained> =>
  (await service.get(`/counts/${space}/explain${query}`)).body as Explained;

let [hall, office, street, inner, other]: number[] = [];

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2', LATE_BLOCK_AGE_MAX_MS: '50' });
  hall = await service.create('/spaces', { name: 'Hall' });
  office = await service.create('/spaces', { name: 'Office' });
  street = await service.create('/doorways', { name: 'street', ingress_space_id: hall });
  inner = await service.create('/doorways', { name: 'inner', ingress_space_id: office, egress_space_id: hall });
  other = await service.create('/doorways', { name: 'other', ingress_space_id: hall });
  for (const [id, doorway] of [
    ['in', street],
    [DPU, inner],
    ['moved', inner],
  ] as const)
    expect((await service.send('POST', '/dpus', { id, doorway_id: doorway })).status).toBe(201);
  await send(
    { dpu_id: 'in', timestamp: at(1), entrances: 0, exits: 2 },
    { dpu_id: 'in', timestamp: at(10), entrances: 4, exits: 1 },
    { dpu_id: DPU, timestamp: at(20), entrances: 2, exits: 0 },
    { dpu_id: DPU, timestamp: at(30), direction: -1 },
    { dpu_id: 'moved', timestamp: at(40), entrances: 3, exits: 0 },
    { dpu_id: 'in', timestamp: at(50), entrances: 0, exits: 9 },
  );
  await eventually(async () => expect((await explain(hall ?? 0, `?at=${at(60)}`)).final).toBe(true));
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(6));
  // It was above the third doorway all the time, as we learn now.
  const move = { doorway_id: other, effective_at: at(0) };
  expect((await service.send('PATCH', '/dpus/moved', move)).status).toBe(200);
  const reset = { timestamp: at(5), count: 1 };
  expect((await service.send('POST', `/spaces/${hall}/resets`, reset)).status).toBe(201);
});
afterAll(async () => service?.dispose());

/** The people of the readings behind a term, as the sensor sees them. */
async function behind({ readings_url: url }: Explained['doorways'][number]): Promise<object[]> {
  const response = await fetch(`${service.url}${url}`);
  expect(response.status).toBe(200);
  return (await response.json()) as object[];
}

describe('T19 an explanation', () => {
  it('T19 has terms that add up to the count, and a moved DPU only where it counts now', async () => {
    await eventually(async () => {
      const found = await explain(hall ?? 0, `?at=${at(60)}`);
      expect(found).toEqual({
        space_id: hall,
        timestamp: at(60),
        count: 0,
        net: -3,
        drift: 3,
        reset: {
          ...{ id: 1, timestamp: at(5), count: 1, kind: 'manual', recorded_at: TEXT },
          ...{ set_by: 'loopback', set_at: TEXT },
        },
        doorways: [
          { doorway_id: street, dpu_id: 'in', entrances: 4, exits: 10, readings_url: TEXT },
          { doorway_id: inner, dpu_id: DPU, entrances: 1, exits: 2, readings_url: TEXT },
          { doorway_id: other, dpu_id: 'moved', entrances: 3, exits: 0, readings_url: TEXT },
        ],
        exits_at_zero: [{ timestamp: at(50), exits: 3 }],
        exits_at_zero_count: 3,
        watermark: TEXT,
        held_back_by: null,
        final: true,
        provisional: { entrances: 0, exits: 0 },
        late_events: expect.any(Number) as number,
        as_of: TEXT,
      });
    });
    const { body: count } = await service.get(`/counts/${hall}/current?at=${at(60)}`);
    expect(count).toMatchObject({ count: 0, net: -3, drift: 3 });
    expect(await explain(office ?? 0, `?at=${at(60)}`)).toMatchObject({
      count: 1,
      reset: null,
      doorways: [{ doorway_id: inner, dpu_id: DPU, entrances: 2, exits: 1 }],
      exits_at_zero: [],
    });
  });

  it('T19 links each term to exactly the readings behind it', async () => {
    await eventually(async () => {
      const { doorways } = await explain(hall ?? 0, `?at=${at(60)}`);
      expect(await Promise.all(doorways.map(behind))).toMatchObject([
        // The first reading is before the reset.
        [
          { dpu_id: 'in', timestamp: at(10), entrances: 4, exits: 1 },
          { dpu_id: 'in', timestamp: at(50), entrances: 0, exits: 9 },
        ],
        // The doorway leads out of the hall, so its entrances are exits there.
        [
          { dpu_id: DPU, timestamp: at(20), entrances: 2, exits: 0 },
          { dpu_id: DPU, timestamp: at(30), entrances: 0, exits: 1 },
        ],
        [{ dpu_id: 'moved', timestamp: at(40), doorway_id: other }],
      ]);
    });
    const { doorways } = await explain(hall ?? 0, `?from=${at(1)}&to=${at(30)}`);
    expect(await Promise.all(doorways.map(behind))).toMatchObject([
      [{ timestamp: at(1) }, { timestamp: at(10) }],
      [{ timestamp: at(20) }],
    ]);
  });

  it('T19 of an interval leads from the count at its start to the count at its end, over the reset inside', async () => {
    const { body } = await service.get(`/counts/${hall}/explain?from=${at(1)}&to=${at(50)}`);
    expect(body).toMatchObject({
      space_id: hall,
      from: at(1),
      to: at(50),
      count_at_start: 0,
      entrances: 8,
      exits: 5,
      count_at_end: 6,
      resets: [{ timestamp: at(5), count: 1, count_before: 0, kind: 'manual' }],
      exits_at_zero: [{ timestamp: at(1), exits: 2 }],
      exits_at_zero_count: 2,
      final: true,
    });
  });

  it('T19 of now has the provisional people, and names what holds the watermark back', async () => {
    const nowMs = Date.now();
    await send({ dpu_id: 'in', timestamp: new Date(nowMs).toISOString(), entrances: 2, exits: 1 });
    const found = await explain(hall ?? 0);
    expect(found).toMatchObject({ count: 1, final: false, provisional: { entrances: 2, exits: 1 } });
    expect([null, 'in', DPU, 'moved']).toContain(found.held_back_by?.dpu_id);
    expect([0, 1]).toContain(found.held_back_by?.router);
    expect((await explain(hall ?? 0, `?from=${at(0)}&to=${new Date(nowMs + 60_000).toISOString()}`)).final).toBe(false);
  });

  it('counts late events of the space', async () => {
    const { late_events: before } = await explain(office ?? 0);
    await send({ dpu_id: DPU, timestamp: at(35), direction: 1 }, { dpu_id: DPU, timestamp: at(36), direction: -1 });
    await eventually(async () => expect((await explain(office ?? 0)).late_events).toBe(before + 2));
  });

  it('may be cached if it is final, and has the same etag while only the watermark advances', async () => {
    const path = `${service.api}/counts/${hall}/explain?at=${at(2)}`;
    const first = await fetch(path);
    expect(first.headers.get('cache-control')).toContain('max-age=300');
    const etag = first.headers.get('etag') ?? '';
    const { watermark } = (await first.json()) as Explained;
    await send({ dpu_id: 'in', timestamp: new Date().toISOString(), direction: 1 });
    await eventually(async () => expect((await explain(hall ?? 0, `?at=${at(2)}`)).watermark).not.toBe(watermark));
    expect((await fetch(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const now = await fetch(`${service.api}/counts/${hall}/explain`);
    expect(now.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['?at=2300-01-01T00:00:00Z', 'at', 'must not be after 2299-12-31T23:59:59.999Z'],
    ['?from=2024-03-29T08:00:00Z', 'to', 'is required with from'],
    ['?to=2024-03-29T08:00:00Z', 'from', 'is required with to'],
    ['?from=2024-03-29T08:00:00Z&to=2024-03-29T08:00:00Z', 'from', 'must be before to'],
    ['?from=2024-03-29T08:00:00Z&to=2024-03-29T09:00:00Z&at=2024-03-29T08:00:00Z', 'at', 'cannot be combined'],
    ['?from=2024-03-29T08:00:00Z&to=2300-01-01T00:00:00Z', 'to', 'must not be after'],
    ['?at=yesterday', 'at', 'ISO 8601'],
  ])('refuses %s, and names the field', async (query, path, detail) => {
    const { status, body } = await service.get(`/counts/${hall}/explain${query}`);
    expect(status).toBe(422);
    expect(body).toMatchObject({ errors: [{ path, detail: expect.stringContaining(detail) as string }] });
  });

  it('does not exist for a space that does not', async () => {
    expect((await service.get('/counts/999/explain')).status).toBe(404);
    expect((await service.get(`/counts/999/explain?from=${at(0)}&to=${at(1)}`)).status).toBe(404);
  });
});

describe('density explain', () => {
  const density = async (...args: string[]): Promise<string[]> => densityLines(service.url, 'explain', ...args);

  it('prints a table of doorways whose sums add up', async () => {
    const out = await density(String(hall), '--at', at(60));
    expect(out).toEqual([
      `space ${hall} at ${at(60)}: 0 (final)`,
      expect.stringMatching(
        new RegExp(`^since the reset to 1 at ${at(5)} \\(manual, recorded at .*Z, set by loopback\\)$`),
      ),
      'doorway  DPU      entrances  exits',
      `${street}        in       4          10`,
      // Two people went in and out of the office late.
      `${inner}        o'neill  2          3`,
      `${other}        moved    3          0`,
      'total             9          13',
      '1 + 9 - 13 = net -3; -3 + 3 exits at zero = 0',
      'exits at zero, newest first:',
      `  ${at(50)}  3`,
      expect.stringMatching(/^watermark \d{4}-.*Z$/),
      expect.stringMatching(/^late readings of the space, at any time: \d+$/),
    ]);
  });

  it('explains an interval, and prints JSON', async () => {
    const out = await density(String(hall), '--from', at(1), '--to', at(50));
    expect(out.slice(0, 2)).toEqual([
      `space ${hall} from ${at(1)} to ${at(50)}: from 0 to 6 (final)`,
      expect.stringMatching(
        new RegExp(`^reset from 0 to 1 at ${at(5)} \\(manual, recorded at .*Z, set by loopback\\)$`),
      ),
    ]);
    expect(out).toContain('0 + 9 - 6 + 2 exits at zero + 1 by resets = 6');
    const [json = ''] = await density(String(hall), '--at', at(60), '--json');
    expect(JSON.parse(json)).toMatchObject({ space_id: hall, count: 0, exits_at_zero_count: 3 });
  });

  it('says of now what is provisional and what holds the watermark back', async () => {
    const out = await density(String(office));
    expect(out.join('\n')).toMatch(/not final/);
    expect(out).toContain('since the beginning: it was never reset');
    expect(out.join('\n')).toMatch(/watermark .*, held back by (DPU|router) /);
    expect(out.join('\n')).toMatch(/provisional: \d+ entrances, \d+ exits/);
  });
});
