// Profiles over HTTP and on the command line: two hours of a Friday in a hall, with a reset in the second one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
const START_MS = Date.UTC(2024, 2, 1, 8);
const at = (minutes: number): string => new Date(START_MS + minutes * 60_000).toISOString();
let hall: number | undefined;

const profile = async (query: string): Promise<{ status: number; body: unknown }> =>
  service.get(`/counts/${hall}/profile?${query}`);

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2', LATE_BLOCK_AGE_MAX_MS: '50' });
  hall = await service.create('/spaces', { name: 'Hall', time_zone: 'Europe/Berlin' });
  const street = await service.create('/doorways', { name: 'street', ingress_space_id: hall });
  expect((await service.send('POST', '/dpus', { id: 'in', doorway_id: street })).status).toBe(201);
  const readings = [
    { dpu_id: 'in', timestamp: at(-10), entrances: 1, exits: 0 },
    { dpu_id: 'in', timestamp: at(0), entrances: 4, exits: 0 },
    { dpu_id: 'in', timestamp: at(30), entrances: 0, exits: 2 },
    { dpu_id: 'in', timestamp: at(118), entrances: 1, exits: 0 },
    { dpu_id: 'in', timestamp: at(180), entrances: 1, exits: 0 },
  ];
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  const reset = { timestamp: at(90), count: 0 };
  expect((await service.send('POST', `/spaces/${hall}/resets`, reset)).status).toBe(201);
  await eventually(async () =>
    expect(((await profile(`start=${at(0)}&end=${at(120)}`)).body as { final: boolean }).final).toBe(true),
  );
});
afterAll(async () => service?.dispose());

const FIRST = {
  weekday: 5,
  hour: 9,
  seconds: 3_600,
  mean: 4,
  median: 3,
  p90: 5,
  peak: 5,
  entrances: 4,
  exits: 2,
};
const SECOND = {
  weekday: 5,
  hour: 10,
  seconds: 3_600,
  mean: 1.53,
  median: 1,
  p90: 3,
  peak: 3,
  entrances: 1,
  exits: 0,
};

describe('T23 the profile of a space', () => {
  it('T23 is by the clock of the space, over time, with resets', async () => {
    await eventually(async () => {
      const found = await profile(`start=${at(0)}&end=${at(120)}&above=3`);
      expect(found.status).toBe(200);
      expect(found.body).toEqual({
        space_id: hall,
        start: at(0),
        end: at(120),
        seconds: 7_200,
        mean: 2.77,
        median: 3,
        p90: 5,
        peak: 5,
        entrances: 5,
        exits: 2,
        seconds_above: 1_800,
        peak_hour: at(0),
        hours: [
          { ...FIRST, seconds_above: 1_800 },
          { ...SECOND, seconds_above: 0 },
        ],
        watermark: expect.any(String) as string,
        final: true,
        as_of: expect.any(String) as string,
      });
    });
  });

  it('T23 ends now at the latest, and is provisional then', async () => {
    const start = new Date(Date.now() - 3_600_000).toISOString();
    const { body } = await profile(`start=${start}&end=2100-01-01T00:00:00Z`);
    const { end, final } = body as { end: string; final: boolean };
    expect(Date.parse(end)).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(final).toBe(false);
  });

  it('T23 as CSV has a line for each hour of the week', async () => {
    const response = await fetch(`${service.api}/counts/${hall}/profile?start=${at(0)}&end=${at(60)}&above=4`, {
      headers: { accept: 'text/csv' },
    });
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await response.text()).toBe(
      'weekday,hour,seconds,mean,median,p90,peak,entrances,exits,seconds_above\n5,9,3600,4,3,5,5,4,2,1800\n',
    );
  });

  it('T23 names the field that is wrong', async () => {
    for (const [query, field] of [
      [`start=${at(60)}&end=${at(60)}`, 'start'],
      ['start=2100-01-01T00:00:00Z', 'start'],
      ['start=2024-01-01T00:00:00Z&end=2025-01-02T00:00:00Z', 'start'],
      ['above=-1', 'above'],
      ['end=yesterday', 'end'],
    ] as const) {
      const { status, body } = await profile(query);
      expect(status).toBe(422);
      expect(JSON.stringify(body)).toContain(`"${field}"`);
    }
    expect((await service.get('/counts/999/profile')).status).toBe(404);
  });

  it('T23 `density profile` prints it by hour and weekday', async () => {
    const span = ['--start', at(0), '--end', at(120), '--above', '3'];
    const lines = await densityLines(service.url, 'profile', String(hall), ...span);
    expect(lines).toEqual([
      `space ${hall} from ${at(0)} to ${at(120)} (final)`,
      `2.77 people on average; at most 3 for half of the time, 5 for nine tenths of it; peak 5 in the hour from ${at(0)}`,
      'more than 3 for 30 of 120 minutes',
      'people on average, by hour of the week:',
      'hour   Mon  Tue  Wed  Thu  Fri  Sat  Sun',
      '09:00  -    -    -    -    4.0  -    -',
      '10:00  -    -    -    -    1.5  -    -',
    ]);
  });
});
