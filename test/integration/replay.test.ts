// Dead letters listed and replayed through the API and the command line, on the real engines.
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const HOUR = 3_600_000;
const FROM = Math.floor(Date.now() / 1_000) * 1_000 - HOUR;

let service: LocalService;
let nats: NatsConnection;

interface Letter {
  readonly id: string;
  readonly dpu_id: string;
  readonly reason: string;
  readonly stored_at: string;
  readonly items: number;
  readonly text: string;
  readonly replayed: { readonly shift: number } | null;
}

beforeAll(async () => {
  service = await startLocalService({ READINGS_KEY: 'a key of the test' });
  nats = await connect({ servers: service.natsUrl });
  await service.send('POST', '/spaces', { name: 'Hall' });
  await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
  for (const id of ['ahead', 'unset', 'status', 'a.b', 'late'])
    await service.send('POST', '/dpus', { id, doorway_id: 1 });
  const send = async (subject: string, ...readings: object[]): Promise<unknown> =>
    jetstream(nats).publish(subject, JSON.stringify(readings));
  const at = (ms: number): string => new Date(ms).toISOString();
  // Two hours ahead: three people.
  await send('dpu.ahead.readings', ...[1, 2, 3].map((n) => ({ timestamp: at(FROM + 3 * HOUR + n), direction: 1 })));
  await send('dpu.unset.readings', { timestamp: 5_000, direction: 1 }, { timestamp: at(6_000), direction: 1 });
  await send('dpu.status.status', { direction: 1 }, { direction: 1 });
  await send('dpu.a=2Eb.readings', { dpu_id: 'other', timestamp: at(FROM), direction: 1 });
  await jetstream(nats).publish('dpu.status.readings', 'hello');
  await eventually(async () => expect(await account()).toMatchObject({ dead_lettered: 9, applied: 0, remainder: 0 }));
});
afterAll(async () => {
  await nats?.close();
  await service?.dispose();
});

const account = async (): Promise<{ accepted: number; applied: number; dead_lettered: number }> =>
  (await service.get('/account')).body as { accepted: number; applied: number; dead_lettered: number };
const net = async (): Promise<number> => ((await service.get('/counts/1/current')).body as { net: number }).net;
const replay = async (body: object): Promise<unknown> =>
  (await service.send('POST', '/dead-letters/replay', body)).body;
const list = async (query: string): Promise<Letter[]> => (await service.get(`/dead-letters?${query}`)).body as Letter[];
const filter = (text: string): string => `filter=${encodeURIComponent(text)}`;

async function density(...args: string[]): Promise<{ code: number; out: string[] }> {
  const out: string[] = [];
  let code = -1;
  await createProgram({
    readConfig: () => service.config,
    printLine: (line) => void out.push(line),
    warn: () => undefined,
    finish: (exit) => (code = exit),
  }).parseAsync([...args, '--url', service.url], { from: 'user' });
  return { code, out };
}

describe('GET /dead-letters', () => {
  it('lists letters by page, with what they hold', async () => {
    const response = await service.get('/dead-letters?limit=2&sort=readings_seq');
    expect(response.headers.get('x-total-count')).toBe('5');
    expect(response.headers.get('link')).toContain('offset=2');
    expect(response.body).toEqual([
      expect.objectContaining({ dpu_id: 'ahead', reason: 'future', items: 3, cut: false, replayed: null }),
      expect.objectContaining({ dpu_id: 'unset', reason: 'clock_unset', items: 2 }),
    ]);
    const all = await list('');
    expect([...(await list('limit=2')), ...(await list('limit=2&offset=2')), ...(await list('offset=4'))]).toEqual(all);
    expect(JSON.parse(all.find(({ items }) => items === 3)?.text ?? '')).toHaveLength(3);
    const reversed = await list('sort=items&desc=true');
    expect(reversed.map(({ items }) => items)).toEqual([3, 2, 2, 1, 1]);
  });

  it('filters by device, reason and time', async () => {
    expect((await list(filter("dpu_id='a.b'"))).map(({ reason }) => reason)).toEqual(['bad_dpu_id']);
    expect((await list(filter("reason='bad_json' or reason='bad_subject'"))).map(({ dpu_id: id }) => id)).toEqual([
      'status',
      'status',
    ]);
    const all = await list('');
    const { stored_at: last = '' } = all.at(-1) ?? {};
    const before = all.filter(({ stored_at: at }) => at < last);
    expect(await list(filter(`stored_at < '${last}'`))).toEqual(before);
    expect(await list(filter(`stored_at >= '${last}'`))).toHaveLength(all.length - before.length);
    expect((await service.get('/dead-letters?sort=text')).status).toBe(422);
  });
});

describe('POST /dead-letters/replay', () => {
  it('D2 A1 counts the readings of a device whose clock was ahead, once, however often it is asked', async () => {
    const before = await net();
    const body = { dpu_id: 'ahead', reason: 'future', shift: '-PT2H' };
    const done = { letters: 1, replayed: 3, not_replayed_count: 0, not_replayed: [] };
    expect(await replay({ ...body, dry_run: true })).toEqual({ ...done, dry_run: true });
    expect(await replay(body)).toEqual({ ...done, dry_run: false });
    await eventually(async () => expect(await net()).toBe(before + 3));
    await replay({ ...body, shift: -2 * HOUR });
    await eventually(async () =>
      expect(await account()).toMatchObject({ accepted: 15, applied: 3, duplicate: 3, dead_lettered: 9, remainder: 0 }),
    );
    expect(await net()).toBe(before + 3);
    await eventually(async () => {
      const stored = (await service.get(`/readings?${filter("dpu_id='ahead'")}`)).body as { timestamp: string }[];
      expect(stored.map(({ timestamp }) => Date.parse(timestamp))).toEqual([1, 2, 3].map((n) => FROM + HOUR + n));
    });
    expect((await list(filter("dpu_id='ahead'")))[0]?.replayed).toMatchObject({ shift: -2 * HOUR });
  });

  it('D2 refuses another shift than the first', async () => {
    const before = await account();
    expect(await replay({ dpu_id: 'ahead', shift: '-PT3H' })).toMatchObject({
      replayed: 0,
      not_replayed_count: 3,
      not_replayed: [{ items: 3, detail: 'it was replayed before, with a shift of -7200000 ms' }],
    });
    expect(await account()).toEqual(before);
  });

  it('counts what a device sent before its clock was set, and what it sent to a wrong subject', async () => {
    const before = await net();
    expect(await replay({ dpu_id: 'unset', shift: FROM })).toMatchObject({ replayed: 2 });
    expect(await replay({ reason: 'bad_subject' })).toMatchObject({ letters: 1, replayed: 2 });
    expect(await replay({ reason: 'bad_dpu_id', to_dpu_id: 'a.b' })).toMatchObject({ letters: 1, replayed: 1 });
    await eventually(async () => expect(await net()).toBe(before + 5));
    expect(await account()).toMatchObject({ dead_lettered: 9, remainder: 0 });
  });

  it('says what cannot be replayed', async () => {
    expect(await replay({ reason: 'bad_json' })).toMatchObject({
      letters: 1,
      replayed: 0,
      not_replayed: [{ items: 1, detail: 'not JSON in UTF-8' }],
    });
    expect(await replay({ start: '2001-01-01T00:00:00Z', end: '2002-01-01T00:00:00Z' })).toMatchObject({ letters: 0 });
    for (const shift of ['1h', 'P1M', 'P1Y', 'P', 'PT', 0.5, 1e15])
      expect((await service.send('POST', '/dead-letters/replay', { shift })).status, String(shift)).toBe(422);
    expect((await service.send('POST', '/dead-letters/replay', { reason: 'other' })).status).toBe(422);
  });
});

describe('density dead-letters replay', () => {
  it('D2 replays what is selected, and ends with 2 if some cannot be', async () => {
    const before = await net();
    await jetstream(nats).publish('dpu.late.other', JSON.stringify({ timestamp: FROM + HOUR / 2, direction: 1 }));
    await eventually(async () => expect(await list(filter("dpu_id='late'"))).toHaveLength(1));
    const { code, out } = await density('dead-letters', 'replay', '--dpu', 'late', '--shift', '-PT1S');
    expect([code, ...out]).toEqual([0, '1 dead letters: 1 readings replayed, 0 items not']);
    await eventually(async () => expect(await net()).toBe(before + 1));
    const again = await density('dead-letters', 'replay', '--dpu', 'late', '--json', '--dry-run', '--shift', '-1000');
    expect([again.code, JSON.parse(again.out.join(''))]).toEqual([0, expect.objectContaining({ replayed: 1 })]);
    const bad = await density('dead-letters', 'replay', '--reason', 'bad_json');
    expect([bad.code, bad.out.length]).toEqual([2, 2]);
    expect(bad.out[1]).toMatch(/^ {2}bad_json\.\d+\.0 \(1\): not JSON/);
  });
});
