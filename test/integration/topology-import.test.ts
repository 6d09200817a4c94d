// Import and export of the topology over HTTP, on the real service, with the examples of docs/topology.md.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import { EntryRefused } from '../../src/domain/plan-registration.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const page = readFileSync(new URL('../../docs/topology.md', import.meta.url), 'utf8');
const example = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(page)?.[1] ?? '';
const [CSV, JSON_TEXT] = [example('csv'), example('json')];

interface Result {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly errors?: readonly object[] };
}

const tally = (created: number, updated: number, unchanged: number): object => ({ created, updated, unchanged });

describe('importing a topology', () => {
  let service: LocalService;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
  });
  afterAll(async () => service?.dispose());

  async function imported(text: string | Buffer, type = 'text/csv', query = '', headers = {}): Promise<Result> {
    const response = await fetch(`${service.api}/topology/import${query}`, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body: text,
    });
    return { status: response.status, body: (await response.json()) as Result['body'] };
  }
  const exported = async (accept: string): Promise<string> =>
    (await fetch(`${service.api}/topology/export`, { headers: { accept } })).text();
  const sizeOf = async (path: string): Promise<number> => ((await service.get(path)).body as unknown[]).length;

  it('E3 says in a dry run what it would do, and writes nothing', async () => {
    const { status, body } = await imported(CSV, 'text/csv', '?dry_run=true');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      dry_run: true,
      spaces: tally(2, 0, 0),
      doorways: tally(2, 0, 0),
      dpus: tally(2, 0, 0),
    });
    expect(body['changes']).toContainEqual({
      line: 5,
      kind: 'doorway',
      name: 'Café door',
      action: 'create',
      fields: [],
    });
    expect(await sizeOf('/spaces')).toBe(0);
  });

  it('E3 registers devices with their options, and exports them without their secrets', async () => {
    const xovis = { id: '00:6E:02:01:02:03', adapter: 'xovis', options: { reversed: ['2'] } };
    const secret = 'a-secret-of-sixteen';
    await service.send('PUT', `/devices/${xovis.id}`, { adapter: 'xovis', secret });
    const csv =
      'kind,device,adapter,options\ndevice,00:6E:02:01:02:03,xovis,"{""reversed"": [""2""]}"\ndevice,gw,milesight,\n';
    expect((await imported(csv)).body).toMatchObject({
      devices: tally(1, 1, 0),
      changes: [
        { line: 2, kind: 'device', name: xovis.id, action: 'update', fields: ['options'] },
        { line: 3, kind: 'device', name: 'gw', action: 'create' },
      ],
    });
    expect((await service.get(`/devices/${xovis.id}`)).body).toMatchObject({ ...xovis, has_secret: true });
    const [json, text] = [await exported('application/json'), await exported('text/csv')];
    expect((JSON.parse(json) as { devices: unknown }).devices).toEqual([
      xovis,
      { id: 'gw', adapter: 'milesight', options: null },
    ]);
    for (const [document, type] of [
      [json, 'application/json'],
      [text, 'text/csv'],
    ] as const) {
      expect(document).not.toMatch(/secret|salt|hash/);
      expect((await imported(document, type)).body).toMatchObject({ changes_count: 0, devices: tally(0, 0, 2) });
    }
    const wrong = await imported(
      'kind,device,adapter,options\ndevice,a/b,xovis,\ndevice,c,nobody,\ndevice,d,mapping,\ndevice,e,xovis,{\ndevice,f,xovis,"{""counter"":1}"\ndevice,g,density,\ndevice,g,density,\n',
    );
    expect([wrong.status, wrong.body.errors]).toEqual([
      422,
      [
        [2, 'device'],
        [3, 'adapter'],
        [4, 'options'],
        [5, 'options'],
        [6, 'options.counter'],
        [8, 'device'],
      ].map(([line, path]) => expect.objectContaining({ line, path }) as object),
    ]);
    for (const device of [xovis.id, 'gw'])
      expect((await service.send('DELETE', `/devices/${device}`)).status).toBe(204);
  });

  it('E3 keeps the options of a device where they are left out, and asks for them where there are none', async () => {
    const options = { kind: 'total', entrances: '$.in', exits: '$.out' };
    await service.send('PUT', '/devices/gate', { adapter: 'mapping', options });
    const csv = (device: string): string => `kind,device,adapter\ndevice,gw,milesight\ndevice,${device},mapping\n`;
    const json = (device: string): string =>
      `{"devices": [{"id": "gw", "adapter": "milesight"},\n{"id": "${device}", "adapter": "mapping"}]}`;
    for (const [text, type, line, path] of [
      [csv, 'text/csv', 3, 'options'],
      [json, 'application/json', 2, 'devices.1.options'],
    ] as const) {
      expect((await imported(text('gate'), type)).body).toMatchObject({ devices: { updated: 0 } });
      expect((await service.get('/devices/gate')).body).toMatchObject({ adapter: 'mapping', options });
      const { status, body } = await imported(text('new'), type);
      expect([status, body.errors]).toEqual([
        422,
        [
          {
            line,
            path,
            detail: expect.stringContaining('are required: the adapter mapping has no defaults') as string,
          },
        ],
      ]);
      expect(body['detail']).toContain(`line ${line}: ${path}: are required`);
      expect((await service.get('/devices/new')).status).toBe(404);
    }
    // An empty cell asks for the defaults.
    const emptied = await imported('kind,device,adapter,options\ndevice,gate,mapping,\n');
    expect([emptied.status, emptied.body.errors]).toMatchObject([422, [{ line: 2, path: 'options' }]]);
    for (const device of ['gate', 'gw']) await service.send('DELETE', `/devices/${device}`);
    expect((await imported(csv('gate'))).body.errors).toMatchObject([{ line: 3, path: 'options' }]);
  });

  it('E3 registers the example of the page, and changes nothing the second time, as CSV or as JSON', async () => {
    expect((await imported(CSV)).body).toMatchObject({ dry_run: false, changes_count: 6 });
    expect((await service.get('/spaces/1')).body).toMatchObject({
      name: 'Hall',
      external_id: 'B1-R101',
      time_zone: 'Europe/Vienna',
      daily_reset: '04:00',
      capacity: 120,
    });
    expect((await service.get('/doorways/2')).body).toMatchObject({ ingress_space_id: 2, egress_space_id: 1 });
    expect((await service.get(`/dpus/${encodeURIComponent('00:1b:44:11:3a:b7')}/placements`)).body).toEqual([
      { doorway_id: 2, from: null, to: '2026-11-24T11:00:00.000Z' },
      { doorway_id: 1, from: '2026-11-24T11:00:00.000Z', to: null },
    ]);
    const moved = `/spaces/2/placements?${new URLSearchParams({ filter: 'from != null or to != null' })}`;
    expect((await service.get(moved)).body).toEqual([
      { dpu_id: '00:1b:44:11:3a:b7', doorway_id: 2, from: null, to: '2026-11-24T11:00:00.000Z' },
    ]);
    for (const again of [await imported(CSV), await imported(JSON_TEXT, 'application/json')])
      expect(again.body).toMatchObject({ changes: [], changes_count: 0, dpus: tally(0, 0, 2) });
    expect((await imported(await exported('text/csv'))).body).toMatchObject({ changes_count: 0 });
    expect((await imported(await exported('application/json'), 'application/json')).body).toMatchObject({
      changes_count: 0,
    });
  });

  it('E3 changes what the document says otherwise, and finds things by external id', async () => {
    const { body } = await imported(
      'kind,name,external_id,capacity\nspace,Great hall,B1-R101,90\nspace,Café,B1-R102,\n',
    );
    expect(body).toMatchObject({
      spaces: tally(0, 1, 1),
      changes: [{ line: 2, kind: 'space', name: 'Great hall', action: 'update', fields: ['name', 'capacity'] }],
    });
    expect((await service.get('/spaces/1')).body).toMatchObject({ name: 'Great hall', time_zone: 'Europe/Vienna' });
  });

  it('E3 names the line of every mistake at once, and writes nothing', async () => {
    const rows = [
      'kind,name,time_zone,ingress_space,egress_space,dpu_id,doorway,from',
      'space,Attic,,,,,,',
      'space,,Europe/Wien,,,,,',
      'space,Attic,,,,,,',
      'doorway,Hatch,,Atic,,,,',
      'doorway,Trap,,Attic,Attic,,,',
      'dpu,,,,,9,Hatch,',
      'dpu,,,,,10,Nowhere,2026-01-01',
      'placement,,,,,11,Trap,2026-01-01T00:00:00Z',
      'room,Attic,,,,,,',
      'dpu,Attic,,,,12,,',
      'doorway,Broken,Mars,Cellar,,,,',
      'dpu,,,,,13,Broken,',
    ];
    const { status, body } = await imported(rows.join('\n'));
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      { line: 3, path: 'name', detail: 'must not be empty' },
      { line: 3, path: 'time_zone', detail: 'must be an IANA time zone, such as Europe/Vienna' },
      { line: 4, path: 'name', detail: '"Attic" is on line 2 already' },
      { line: 5, path: 'ingress_space', detail: 'there is no space "Atic"' },
      { line: 6, path: 'egress_space', detail: 'a doorway cannot have the same space on both sides' },
      { line: 8, path: 'from', detail: expect.stringContaining('ISO 8601') as string },
      { line: 9, path: 'dpu_id', detail: 'there is no DPU 11' },
      { line: 10, path: 'kind', detail: 'must be space, doorway, dpu, placement, exclusion, device' },
      { line: 11, path: 'name', detail: 'is not for a row of kind dpu' },
      { line: 12, path: 'time_zone', detail: 'is not for a row of kind doorway' },
      { line: 12, path: 'ingress_space', detail: 'there is no space "Cellar"' },
    ]);
    expect(await sizeOf('/spaces')).toBe(2);
    expect(await sizeOf('/doorways')).toBe(2);
  });

  it('E3 names the line and the path in JSON', async () => {
    const text =
      '{\n "spaces": [\n  {"name": "Roof"},\n  {"name": 7}\n ],\n "rooms": [],\n "dpus": [{"id": "1",\n  "placements": [\n   {"doorway": "Main entrance"},\n   {"doorway": "None such", "from": "2026-01-01T00:00:00Z"}]}]\n}';
    expect((await imported(text, 'application/json')).body.errors).toEqual([
      { line: 4, path: 'spaces.1.name', detail: 'must be text' },
      { line: 6, path: 'rooms', detail: 'is not a known field; there are spaces, doorways, dpus, exclusions, devices' },
      { line: 10, path: 'dpus.0.placements.1.doorway', detail: 'there is no doorway "None such"' },
    ]);
    expect(await sizeOf('/spaces')).toBe(2);
  });

  it.each([
    ['{"spaces": [', 'application/json', 400],
    ['{"spaces": {}}', 'application/json', 422],
    ['{"spaces": 1}', 'application/json', 422],
    ['[]', 'application/json', 422],
    ['{"spaces": [}', 'application/json', 400],
    ['{} {}', 'application/json', 400],
    ['', 'application/json', 400],
    ['', 'text/csv', 422],
    ['kind,colour\nspace,red\n', 'text/csv', 422],
    ['name\nHall\n', 'text/csv', 422],
    ['kind,name\nspace,"Hall\n', 'text/csv', 400],
    [`kind,name\nspace,${'x'.repeat(200_000)}\n`, 'text/csv', 413],
    ['kind,name\nspace,a,b\n', 'text/csv', 422],
    ['<x/>', 'application/xml', 415],
  ])('refuses %j as %s', async (text, type, status) => {
    expect((await imported(text, type)).status).toBe(status);
  });

  it('refuses a time without a doorway in the row of a DPU, and says where it belongs', async () => {
    const { status, body } = await imported('kind,dpu_id,from\ndpu,77,2024-01-01T00:00:00Z\n');
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      expect.objectContaining({
        line: 2,
        detail: 'needs a doorway; to place the DPU at none, use a row of kind placement',
      }),
    ]);
  });

  it.each(['gzip', 'deflate', 'br'])('refuses a body that is not %s although it says so', async (encoding) => {
    for (const type of ['application/json', 'text/csv']) {
      const { status, body } = await imported(Buffer.from('kind,name\nspace,Hall\n'), type, '', {
        'content-encoding': encoding,
      });
      expect([status, body['detail']]).toEqual([400, expect.stringContaining(`is malformed: it is not ${encoding}`)]);
    }
  });

  it('refuses a body of more than 50 MB, also if it is small while it is compressed', async () => {
    const bytes = gzipSync(`{"spaces": [${' '.repeat(51_000_000)}]}`);
    const { status, body } = await imported(bytes, 'application/json', '', { 'content-encoding': 'gzip' });
    expect([status, body['detail']]).toEqual([413, 'a document may hold at most 50 MB; import it in parts']);
  });

  it('E3 tells the progress of a large document, and keeps the order of ids', async () => {
    const spaces = Array.from({ length: 5_000 }, (_, n) => `space,Room ${n}`);
    const response = await fetch(`${service.api}/topology/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', accept: 'application/x-ndjson' },
      body: ['kind,name', ...spaces].join('\n'),
    });
    const lines = (await response.text()).trimEnd().split('\n');
    const steps = lines.slice(0, -1).map((line) => JSON.parse(line) as { done: number; total: number });
    expect(steps.length).toBeGreaterThan(2);
    expect(steps.map(({ done }) => done)).toEqual([...steps.map(({ done }) => done)].sort((a, b) => a - b));
    expect(steps.at(-1)).toEqual({ done: 5_000, total: 5_000 });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ spaces: tally(5_000, 0, 0), changes_count: 5_000 });
    expect((await service.get('/spaces/3')).body).toMatchObject({ name: 'Room 0' });
    expect((await service.get('/spaces/5002')).body).toMatchObject({ name: 'Room 4999' });
  });

  it.each([
    [
      'another process got in the way',
      new EntryRefused({ line: 2, at: '' }, new Failure('conflict', 'there is another one')),
      { status: 409, detail: expect.stringContaining('entries are written; line 2: ') as string },
    ],
    [
      'the log does not answer',
      new Failure('unavailable', 'nobody answers', { retryAfterSeconds: 1 }),
      { status: 503, detail: 'nobody answers' },
    ],
    [
      'of a defect',
      new TypeError('secret'),
      { status: 500, detail: 'an internal error; the log has the details under this request id' },
    ],
  ])('E3 ends with a line that says so if %s in the middle', async (_why, error, problem) => {
    const { topology } = service.service;
    const append = topology.append.bind(topology);
    let batches = 0;
    const spied = vi.spyOn(topology, 'append').mockImplementation(async (decide, by) => {
      if (++batches > 1) throw error;
      return append(decide, by);
    });
    const rooms = Array.from({ length: 3_000 }, (_, n) => `space,${problem.status} ${n}`);
    const response = await fetch(`${service.api}/topology/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', accept: 'application/x-ndjson' },
      body: ['kind,name', ...rooms].join('\n'),
    });
    spied.mockRestore();
    const [progress, last, ...more] = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { done?: number });
    expect([response.status, more]).toEqual([200, []]);
    expect(progress).toMatchObject({ total: rooms.length });
    expect(last).toMatchObject({ ...problem, instance: '/api/v1/topology/import' });
    const stored = topology.history.latest().spaces();
    expect(stored.filter(({ name }) => name.startsWith(`${problem.status} `))).toHaveLength(progress?.done ?? 0);
  });

  it('refuses with a status, not with a line, before anything is written', async () => {
    const { status } = await imported('kind,name\nspace,\n', 'text/csv', '', { accept: 'application/x-ndjson' });
    expect(status).toBe(422);
    expect((await imported('kind', 'text/csv', '', { accept: 'text/html' })).status).toBe(406);
  });
});
