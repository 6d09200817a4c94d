// Batches in every format on the real service: a bad item affects only itself, and sending again changes nothing.
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

describe('a batch of readings', () => {
  let service: LocalService;
  const post = (
    type: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${service.api}/readings/batch`, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
  const reading = (second: number, direction = 1): object => ({
    dpu_id: 'a',
    timestamp: `2018-02-24T08:00:${String(second).padStart(2, '0')}Z`,
    direction,
  });
  const account = async (expected: object): Promise<void> =>
    eventually(async () => expect((await service.get('/account')).body).toMatchObject(expected));

  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
    await service.send('POST', '/spaces', { name: 'Hall' });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await service.send('POST', '/dpus', { id: 'a', doorway_id: 1 });
  });
  afterAll(async () => service?.dispose());

  it('may be an array, lines of JSON or CSV, plain or compressed, with the same result', async () => {
    const items = [
      reading(1),
      reading(2),
      { dpu_id: 'a', timestamp: '2018-02-24T08:00:03Z', direction: 0 },
      'nonsense',
      reading(3, -1),
    ];
    const rejections = {
      accepted: 3,
      rejected_count: 2,
      rejected: [
        { index: 2, path: 'direction' },
        { index: 3, path: '' },
      ],
    };
    const array = await post('application/json', JSON.stringify(items));
    expect(array.status).toBe(202);
    expect(await array.json()).toMatchObject(rejections);
    await account({ accepted: 3, applied: 3 });
    const lines = items.map((item) => (item === 'nonsense' ? '{"dpu_id":' : JSON.stringify(item))).join('\n');
    expect(await (await post('application/x-ndjson', lines)).json()).toMatchObject(rejections);
    const zipped = await post('application/x-ndjson', new Uint8Array(gzipSync(lines)), { 'content-encoding': 'gzip' });
    expect(await zipped.json()).toMatchObject(rejections);
    const csv = 'dpu_id,timestamp,direction\r\na,2018-02-24T08:00:01Z,+1\r\na,2018-02-24T08:00:02Z,1\na,yesterday,1\n';
    expect(await (await post('text/csv', csv)).json()).toMatchObject({
      accepted: 2,
      rejected_count: 1,
      rejected: [{ index: 2, path: 'timestamp' }],
    });
    await account({ accepted: 11, applied: 3, duplicate: 8, remainder: 0 });
    await eventually(async () =>
      expect((await service.get('/counts/1/current')).body).toMatchObject({ count: 1, net: 1 }),
    );
  });

  it('is refused with the reason if the whole batch is unusable', async () => {
    expect((await post('text/plain', 'x')).status).toBe(415);
    expect((await post('application/json', '[]', { 'content-encoding': 'zip' })).status).toBe(415);
    expect((await post('application/json', '{"a": 1}')).status).toBe(422);
    expect((await post('application/json', '[{"dpu_id": "a"')).status).toBe(400);
    expect((await post('application/json', '[1 2]')).status).toBe(400);
    expect((await post('text/csv', 'dpu_id,direction\na,1\n')).status).toBe(422);
    expect((await post('application/x-ndjson', new Uint8Array([1, 2, 3]), { 'content-encoding': 'gzip' })).status).toBe(
      400,
    );
    // Small when compressed, 60 MB in memory.
    expect(
      (
        await post('application/x-ndjson', new Uint8Array(gzipSync(Buffer.alloc(60_000_000, '\n'))), {
          'content-encoding': 'gzip',
        })
      ).status,
    ).toBe(413);
  });

  it('keeps only a bounded part of one item in memory', async () => {
    for (const [type, body] of [
      ['application/json', `["${'a'.repeat(400_000)}"]`],
      ['application/json', '['.repeat(400_000)],
      ['application/x-ndjson', 'a'.repeat(400_000)],
      ['text/csv', `dpu_id,timestamp,direction\n${'a'.repeat(400_000)}`],
    ] as const) {
      const response = await post(type, body);
      expect({ type, status: response.status, problem: await response.json() }).toMatchObject({
        type,
        status: 413,
        problem: { detail: expect.stringMatching(/^(an item|a line) of a batch may hold at most 256 kB$/) as string },
      });
    }
  });

  it('is refused for its size even if the client reads nothing before it has sent everything', async () => {
    for (const [path, type, size] of [
      ['/readings/batch', 'application/x-ndjson', 60_000_000],
      ['/spaces', 'application/json', 30_000_000],
      ['/nothing', 'application/json', 30_000_000],
    ] as const) {
      const body = Buffer.alloc(size, path === '/spaces' ? ' ' : '\n');
      const answer = await sendWhole(new URL(`${service.api}${path}`), type, body);
      expect({ path, answer: answer.split('\r\n')[0] }).toEqual({
        path,
        answer: path === '/nothing' ? 'HTTP/1.1 404 Not Found' : 'HTTP/1.1 413 Payload Too Large',
      });
    }
  });

  it('gets a compressed answer if the client accepts it', async () => {
    const day = 'start=2018-02-24T00:00:00Z&end=2018-02-25T00:00:00Z&interval=15m';
    const response = await fetch(`${service.api}/counts/1/intervals?${day}`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.json()).toHaveLength(96);
  });

  it("is counted in intervals by the space's clock, of several spaces, as CSV, and with a limit", async () => {
    await service.send('POST', '/spaces', { name: 'Wien', time_zone: 'Europe/Vienna', capacity: 4 });
    const days = async (start: string, end: string): Promise<number[]> => {
      const { body } = await service.get(`/counts/2/intervals?interval=1d&start=${start}&end=${end}`);
      return (body as { start: string; end: string }[]).map(
        (interval) => (Date.parse(interval.end) - Date.parse(interval.start)) / 3_600_000,
      );
    };
    expect(await days('2018-03-24T00:00:00%2B01:00', '2018-03-27T00:00:00%2B02:00')).toEqual([24, 23, 24]);
    expect(await days('2018-10-27T00:00:00 02:00', '2018-10-30T00:00:00 01:00')).toEqual([24, 25, 24]);
    const csv = await fetch(
      `${service.api}/counts/intervals?space_id=2,1&interval=1h&start=2018-02-24T08:00:00Z&end=2018-02-24T09:00:00Z`,
      { headers: { accept: 'text/csv' } },
    );
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(await csv.text()).toMatch(
      /^space_id,start,end,entrances,exits,min,max,count,utilization,final\n2,2018-02-24T08:00:00.000Z,2018-02-24T09:00:00.000Z,0,0,0,0,0,0,(true|false)\n1,2018-02-24T08:00:00.000Z,2018-02-24T09:00:00.000Z,2,1,0,2,1,,(true|false)\n$/,
    );
    expect(
      await service.get('/counts/1/intervals?interval=1m&start=2018-01-01T00:00:00Z&end=2019-01-01T00:00:00Z'),
    ).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('use a longer interval, a shorter range or fewer spaces') as string },
    });
    expect((await service.get('/counts/1/intervals?interval=90s')).status).toBe(422);
    expect((await service.get('/counts/1/intervals')).body).toHaveLength(97);
  });
});

/** A hand-made request that reads nothing of the answer before it has sent its last byte. */
async function sendWhole({ hostname, port, pathname }: URL, type: string, body: Buffer): Promise<string> {
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  await new Promise<void>((resolve, reject) => socket.once('error', reject).write(body, () => resolve()));
  return text(socket);
}
