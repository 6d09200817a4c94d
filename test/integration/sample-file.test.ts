import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importCommand } from '../../src/cli/import-command.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { EXPECTED, raiseSampleBuilding, sampleAccount, SAMPLE_CSV } from '../support/sample.ts';

const ORDERS: Record<string, (lines: string[]) => string[]> = {
  'as recorded': (lines) => lines,
  reversed: (lines) => lines.reverse(),
  // Sorted by the reversed digits of the timestamp: far from time order, and always the same.
  shuffled: (lines) => lines.sort((a, b) => (a.split('').reverse().join('') < b.split('').reverse().join('') ? -1 : 1)),
};

describe.each(Object.keys(ORDERS))('the sample file, %s', (order) => {
  let service: LocalService;
  let folder: string;
  let file: string;
  let ids: { a: number; b: number };
  const lines: string[] = [];
  const load = (): Promise<number> =>
    importCommand(service.config, file, { nats: service.natsUrl }, (line) => lines.push(line));

  beforeAll(async () => {
    service = await startLocalService();
    folder = await mkdtemp(join(tmpdir(), 'density-csv-'));
    file = join(folder, 'sample.csv');
    const [header = '', ...rows] = (await readFile(SAMPLE_CSV, 'utf8')).trim().split(/\r?\n/);
    if (order === 'as recorded') await copyFile(SAMPLE_CSV, file);
    else await writeFile(file, [header, ...(ORDERS[order]?.(rows) ?? rows)].join('\n'));
    ids = await raiseSampleBuilding(service.send);
    expect(await load()).toBe(0);
    await eventually(async () => expect((await service.get('/account')).body).toMatchObject({ accepted: 563 }));
  });
  afterAll(async () => {
    await service?.dispose();
    if (folder) await rm(folder, { recursive: true });
  });

  it('accepts every line', () => {
    expect(lines).toEqual([`${file}: 563 accepted, 0 rejected`]);
  });

  it('counts 530 readings and 33 duplicates', async () => {
    const { stored, ...account } = (await service.get('/account')).body as { stored: { findings: string[] } | null };
    expect(account).toEqual(sampleAccount());
    expect(stored?.findings).toEqual([]);
  });

  it('has the right live counts', async () => {
    await eventually(async () => {
      expect((await service.get(`/counts/${ids.a}/current`)).body).toMatchObject({
        net: EXPECTED.A.net,
        count: EXPECTED.A.count,
      });
      expect((await service.get(`/counts/${ids.b}/current`)).body).toMatchObject({
        net: EXPECTED.B.net,
        count: EXPECTED.B.count,
      });
    });
  });

  it('has the right history, before and after the flush', async () => {
    for (const [id, expected] of [
      [ids.a, EXPECTED.A],
      [ids.b, EXPECTED.B],
    ] as const) {
      const { body } = await service.get(
        `/counts/${id}/intervals?start=2018-01-01T00:00:00Z&end=2019-01-01T00:00:00Z&interval=1d`,
      );
      const days = body as { entrances: number; exits: number; max: number; count: number }[];
      const sum = (field: 'entrances' | 'exits'): number => days.reduce((total, day) => total + day[field], 0);
      expect({ entrances: sum('entrances'), exits: sum('exits'), count: days.at(-1)?.count }).toEqual({
        entrances: expected.entrances,
        exits: expected.exits,
        count: expected.count,
      });
    }
    const { body } = await service.get(
      `/counts/${ids.a}/intervals?start=2018-01-01T00:00:00Z&end=2019-01-01T00:00:00Z&interval=1h`,
    );
    expect(Math.max(...(body as { max: number }[]).map(({ max }) => max))).toBe(EXPECTED.A.highest);
  });

  it('has the same counts in the rows of ClickHouse in both orders', async () => {
    const client = createClient({ url: service.clickhouseUrl });
    const sums = async (query: string): Promise<unknown> =>
      (
        await client.query({
          query,
          format: 'JSONCompactEachRow',
          clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
        })
      ).json();
    const expected = [
      [ids.a, -2, 264, 266],
      [ids.b, 8, 23, 15],
    ];
    // A block's rows become visible in one table after another, so wait for each.
    await eventually(async () =>
      expect(
        await sums(
          'SELECT space_id, sum((toInt64(entrances) - exits) * sign), sum(toInt64(entrances) * sign), sum(toInt64(exits) * sign) FROM space_events WHERE space_id > 0 GROUP BY space_id ORDER BY space_id',
        ),
      ).toEqual(expected),
    );
    await eventually(async () =>
      expect(
        await sums(
          'SELECT space_id, sum(sign) FROM events_by_time WHERE space_id > 0 GROUP BY space_id ORDER BY space_id',
        ),
      ).toEqual(expected.map(([id, , entrances, exits]) => [id, Number(entrances) + Number(exits)])),
    );
    await eventually(async () => expect(await sums('SELECT sum(sign) FROM readings')).toEqual([[530]]));
    await client.close();
  });

  it('is not changed by a second import', async () => {
    const before = (await service.get(`/counts/${ids.a}/current?at=2018-12-31T00:00:00Z`)).body;
    expect(await load()).toBe(0);
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({
        accepted: 1126,
        applied: 530,
        duplicate: 596,
        remainder: 0,
      }),
    );
    expect((await service.get(`/counts/${ids.a}/current?at=2018-12-31T00:00:00Z`)).body).toMatchObject({
      ...(before as object),
      watermark: expect.any(String) as string,
      as_of: expect.any(String) as string,
    });
    expect((await service.get(`/counts/${ids.a}/current`)).body).toMatchObject({
      net: EXPECTED.A.net,
      count: EXPECTED.A.count,
    });
  });
});
