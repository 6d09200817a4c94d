// The API through the generated client: every operation of the OpenAPI document that the service serves, and every
// answer checked against it.
import { Ajv2020 } from 'ajv/dist/2020.js';
import createClient, { type Client, type Middleware } from 'openapi-fetch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { paths } from '../../web/api/schema.d.ts';
import { eventually } from '../support/eventually.ts';
import { pngOf } from '../support/images.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Content {
  readonly content?: Record<string, { readonly schema: object }>;
  readonly $ref?: string;
}
interface Document {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Content> }>>;
  readonly components: { readonly responses: Record<string, Content> };
}

const AT = '2018-02-24T08:45:21.893Z';
const DAY = { start: '2018-02-24T00:00:00Z', end: '2018-02-25T00:00:00Z' };

describe('the generated client', () => {
  let service: LocalService;
  let document: Document;
  let api: Client<paths>;
  const called = new Set<string>();
  const undocumented: string[] = [];

  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
    document = (await (await fetch(`${service.api}/openapi.json`)).json()) as Document;
    const isValid = new Ajv2020({ strict: false, validateFormats: false });
    isValid.addSchema(document, 'api');
    const problemOf = async (path: string, method: string, response: Response): Promise<string | undefined> => {
      const declared = document.paths[path]?.[method]?.responses[response.status];
      if (!declared) return `${response.status} is not declared`;
      const { content } = declared.$ref
        ? (document.components.responses[declared.$ref.split('/').at(-1) ?? ''] ?? declared)
        : declared;
      const type = response.headers.get('content-type')?.split(';')[0];
      if (!content) return type === undefined ? undefined : `it has a body, ${type}`;
      const schema = type === undefined ? undefined : content[type]?.schema;
      if (!schema) return `${type} is not declared`;
      if (!type?.endsWith('json')) return undefined;
      const validate = isValid.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object);
      return validate(await response.clone().json()) ? undefined : isValid.errorsText(validate.errors);
    };
    const watch: Middleware = {
      onResponse: async ({ request, response, schemaPath }) => {
        const method = request.method.toLowerCase();
        called.add(`${method} ${schemaPath}`);
        const problem = await problemOf(schemaPath, method, response);
        if (problem !== undefined) undocumented.push(`${method} ${schemaPath}: ${problem}`);
      },
    };
    api = createClient<paths>({ baseUrl: service.api });
    api.use(watch);
  });
  afterAll(async () => service?.dispose());

  it('registers, changes and removes a building', async () => {
    const hall = await api.POST('/spaces', {
      body: { name: 'Hall', time_zone: 'Europe/Vienna', daily_reset: null, capacity: 10 },
    });
    expect(hall).toMatchObject({ response: { status: 201 }, data: { id: 1, name: 'Hall' } });
    const space = { params: { path: { id: hall.data?.id ?? 0 } } };
    expect(
      (await api.GET('/spaces', { params: { query: { limit: 5, sort: 'name', desc: true, filter: "name = 'Hall'" } } }))
        .data,
    ).toHaveLength(1);
    expect((await api.GET('/spaces/{id}', space)).data).toMatchObject({ name: 'Hall' });
    expect(
      (
        await api.PUT('/spaces/{id}', {
          ...space,
          body: { name: 'Great hall', time_zone: 'UTC', daily_reset: null, capacity: 20 },
        })
      ).data,
    ).toMatchObject({ name: 'Great hall' });
    expect((await api.PATCH('/spaces/{id}', { ...space, body: { capacity: 30 } })).data).toMatchObject({
      name: 'Great hall',
      capacity: 30,
    });
    expect(
      (await api.POST('/spaces/{id}/resets', { ...space, body: { timestamp: '2018-02-24T04:00:00Z', count: 2 } }))
        .response.status,
    ).toBe(201);
    expect((await api.GET('/spaces/{id}/resets', space)).data).toMatchObject([{ count: 2 }]);
    const reset = { params: { path: { id: 1, reset_id: 1 } } };
    expect((await api.GET('/spaces/{id}/resets/{reset_id}', reset)).data).toMatchObject({ id: 1, count: 2 });
    expect((await api.PATCH('/spaces/{id}/resets/{reset_id}', { ...reset, body: { count: 3 } })).data).toMatchObject({
      timestamp: '2018-02-24T04:00:00.000Z',
      count: 3,
    });
    const wrong = await api.POST('/spaces/{id}/resets', {
      ...space,
      body: { timestamp: '2018-02-24T05:00:00Z', count: 9 },
    });
    const second = { params: { path: { id: 1, reset_id: wrong.data && 'id' in wrong.data ? wrong.data.id : 0 } } };
    expect(
      (
        await api.PUT('/spaces/{id}/resets/{reset_id}', {
          ...second,
          body: { timestamp: '2018-02-24T06:00:00Z', count: 8 },
        })
      ).data,
    ).toMatchObject({ id: 2, count: 8 });
    expect((await api.DELETE('/spaces/{id}/resets/{reset_id}', second)).response.status).toBe(204);
    await api.PATCH('/spaces/{id}/resets/{reset_id}', { ...reset, body: { count: 2 } });

    const door = await api.POST('/doorways', { body: { name: 'Door', ingress_space_id: 1, egress_space_id: null } });
    const doorway = { params: { path: { id: door.data?.id ?? 0 } } };
    expect((await api.GET('/doorways')).data).toHaveLength(1);
    expect((await api.GET('/doorways/{id}', doorway)).data).toMatchObject({ ingress_space_id: 1 });
    expect(
      (
        await api.PUT('/doorways/{id}', {
          ...doorway,
          body: { name: 'Front door', ingress_space_id: 1, egress_space_id: null },
        })
      ).data,
    ).toMatchObject({ name: 'Front door' });
    expect((await api.PATCH('/doorways/{id}', { ...doorway, body: { name: 'Back door' } })).data).toMatchObject({
      name: 'Back door',
      ingress_space_id: 1,
    });

    expect((await api.POST('/dpus', { body: { id: '423', doorway_id: null } })).data).toMatchObject({
      id: '423',
      doorway_id: null,
    });
    const dpu = { params: { path: { id: '423' } } };
    expect((await api.GET('/dpus')).data).toHaveLength(1);
    expect((await api.PUT('/dpus/{id}', { ...dpu, body: { doorway_id: null } })).response.status).toBe(200);
    expect(
      (await api.PATCH('/dpus/{id}', { ...dpu, body: { doorway_id: 1, effective_at: '2018-01-01T00:00:00Z' } })).data,
    ).toMatchObject({ doorway_id: 1 });
    expect((await api.GET('/dpus/{id}', dpu)).data).toMatchObject({ doorway_id: 1 });
    expect((await api.GET('/dpus/{id}/placements', dpu)).data?.at(-1)).toMatchObject({ doorway_id: 1, to: null });
    const inSpace = { params: { path: { id: 1 } } };
    expect((await api.GET('/spaces/{id}/placements', inSpace)).data?.at(-1)).toMatchObject({ doorway_id: 1, to: null });
    const crew = { from: '2018-01-02T20:00:00Z', to: '2018-01-02T21:00:00Z', reason: 'the cleaning crew' };
    expect((await api.POST('/dpus/{id}/exclusions', { ...dpu, body: crew })).data).toMatchObject({ id: 1 });
    expect((await api.GET('/dpus/{id}/exclusions', dpu)).data).toMatchObject([{ reason: crew.reason }]);
    const exclusion = { params: { path: { id: '423', exclusion_id: 1 } } };
    expect((await api.DELETE('/dpus/{id}/exclusions/{exclusion_id}', exclusion)).response.status).toBe(204);
    expect(await api.DELETE('/spaces/{id}', space)).toMatchObject({
      response: { status: 409 },
      error: { type: 'urn:density:problem:conflict' },
    });

    await api.POST('/dpus', { body: { id: 'gone', doorway_id: null } });
    expect((await api.DELETE('/dpus/{id}', { params: { path: { id: 'gone' } } })).response.status).toBe(204);
    const spare = await api.POST('/doorways', { body: { name: 'Spare', ingress_space_id: 1, egress_space_id: null } });
    expect(
      (await api.DELETE('/doorways/{id}', { params: { path: { id: spare.data?.id ?? 0 } } })).response.status,
    ).toBe(204);
    const attic = await api.POST('/spaces', {
      body: { name: 'Attic', time_zone: 'UTC', daily_reset: null, capacity: null },
    });
    expect((await api.DELETE('/spaces/{id}', { params: { path: { id: attic.data?.id ?? 0 } } })).response.status).toBe(
      204,
    );
  });

  it('exports the topology, and imports it without a change', async () => {
    const { data: document } = await api.GET('/topology/export');
    if (typeof document !== 'object') throw new Error('the export is not JSON');
    expect(document.dpus).toContainEqual(expect.objectContaining({ id: '423' }));
    const imported = await api.POST('/topology/import', {
      params: { query: { dry_run: true } },
      body: document,
    });
    expect(imported.data).toMatchObject({ dry_run: true, changes_count: 0 });
  });

  it('sends readings, and looks them up', async () => {
    const sent = await api.POST('/readings', { body: { dpu_id: '423', timestamp: AT, direction: 1 } });
    expect(sent).toMatchObject({ response: { status: 202 }, data: { id: '423~1519461921893~+' } });
    const batch = await api.POST('/readings/batch', {
      body: [
        { dpu_id: '423', timestamp: '2018-02-24T08:50:00Z', direction: 1 },
        { dpu_id: '423', timestamp: 'today', direction: 1 },
      ],
    });
    expect(batch.data).toMatchObject({ accepted: 1, rejected: [{ index: 1, path: 'timestamp' }], rejected_count: 1 });
    await eventually(async () =>
      expect((await api.GET('/readings', { params: { query: { desc: true } } })).data).toHaveLength(2),
    );
    // Two tables, which are filled one after the other.
    await eventually(async () =>
      expect((await api.GET('/readings/{id}', { params: { path: { id: sent.data?.id ?? '' } } })).data).toMatchObject({
        dpu_id: '423',
        doorway_id: 1,
      }),
    );
    expect((await api.GET('/account')).data).toMatchObject({ accepted: 2, applied: 2, remainder: 0 });
  });

  it('deletes and restores a reading', async () => {
    const path = { id: '423~1519459200000~+' };
    const deleted = await api.DELETE('/readings/{id}', { params: { path, query: { reason: 'a test' } } });
    expect(deleted.data).toMatchObject({ ...path, dpu_id: '423', reason: 'a test' });
    expect((await api.GET('/deleted-readings')).data).toEqual([deleted.data]);
    const audit = await api.GET('/audit', { params: { query: { kind: 'deletion' } } });
    expect(audit.data).toMatchObject([{ before: null, after: deleted.data, by: 'loopback' }]);
    expect((await api.POST('/readings/{id}/restore', { params: { path } })).response.status).toBe(204);
  });

  it('queries counts', async () => {
    const space = { space_id: 1 };
    expect(
      (await api.GET('/counts/{space_id}/current', { params: { path: space, query: { at: '2018-02-24T08:46:00Z' } } }))
        .data,
    ).toMatchObject({ count: 3 });
    const explained = await api.GET('/counts/{space_id}/explain', {
      params: { path: space, query: { at: '2018-02-24T08:46:00Z' } },
    });
    expect(explained.data).toMatchObject({ count: 3, net: 3, drift: 0 });
    const minute = { start: '2018-02-24T08:46:00Z', end: '2018-02-24T08:47:00Z' };
    const profile = await api.GET('/counts/{space_id}/profile', { params: { path: space, query: minute } });
    expect(profile.data).toMatchObject({ seconds: 60 });
    const revised = await api.GET('/counts/{space_id}/revisions', {
      params: { path: space, query: { from: minute.start, to: minute.end, since: explained.data?.as_of ?? '' } },
    });
    expect(revised.data).toMatchObject({ difference: { count: 0 }, revisions: [] });
    expect((await api.GET('/counts/{space_id}', { params: { path: space, query: { limit: 10 } } })).data).toMatchObject(
      [{ count: 3 }, { count: 4 }],
    );
    await eventually(async () => expect((await api.GET('/counts')).data).toHaveLength(2));
    expect(
      (await api.GET('/counts/{space_id}/intervals', { params: { path: space, query: { ...DAY, interval: '1d' } } }))
        .data,
    ).toMatchObject([{ entrances: 2, count: 4 }]);
    expect(
      (await api.GET('/counts/intervals', { params: { query: { space_id: '1', ...DAY, interval: '6h' } } })).data,
    ).toHaveLength(4);
    const ofDoorway = { params: { path: { id: 1 }, query: { ...DAY, interval: '1d' } } } as const;
    const passed = await api.GET('/doorways/{id}/intervals', ofDoorway);
    expect(passed.data).toHaveLength(1);
    const known = {
      ...ofDoorway.params,
      query: { ...ofDoorway.params.query, known_at: passed.response.headers.get('as-of') ?? '' },
    };
    expect((await api.GET('/doorways/{id}/intervals', { params: known })).data).toEqual(passed.data);
    const ofDpu = { params: { path: { id: '423' }, query: { ...DAY, interval: '1d' } } } as const;
    expect((await api.GET('/dpus/{id}/intervals', ofDpu)).data).toMatchObject([{ entrances: 2 }]);
    const exported = { ...DAY, interval: '1h', space_id: '1' } as const;
    for (const { data } of [
      await api.GET('/exports/intervals', { params: { query: exported }, parseAs: 'text' }),
      await api.GET('/exports/events/{space_id}', { params: { path: space }, parseAs: 'text' }),
      await api.GET('/exports/readings', { parseAs: 'text' }),
    ])
      expect(data).toMatch(/^\w+,/);
    const csv = await api.GET('/counts/intervals', {
      params: { query: { space_id: '1', ...DAY, interval: '1d' } },
      headers: { accept: 'text/csv' },
      parseAs: 'text',
    });
    expect(csv.data).toMatch(/^space_id,start,end,/);
    const { data: stream } = await api.GET('/counts/stream', {
      params: { query: { space_id: '1' } },
      parseAs: 'stream',
    });
    const reader = stream?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('event: snapshot')) text += (await reader?.read())?.value ?? 'no more\n\nevent: snapshot';
    await reader?.cancel();
    expect(text).toMatch(/"count":4/);
  });

  it('gets problem documents as described', async () => {
    expect(await api.GET('/spaces/{id}', { params: { path: { id: 99 } } })).toMatchObject({
      error: { status: 404, detail: 'there is no space 99' },
    });
    expect(await api.GET('/spaces', { params: { query: { filter: 'name =' } } })).toMatchObject({
      error: { status: 422, errors: [{ path: 'filter' }] },
    });
    await eventually(async () =>
      expect((await api.GET('/health')).data).toEqual({ status: 'ok', problems: [], losses: [] }),
    );
    expect((await api.GET('/principal')).data).toEqual({
      name: null,
      scopes: ['read', 'readings:write', 'topology:write', 'admin'],
    });
    expect((await api.GET('/openapi.json')).data).toMatchObject({ openapi: '3.1.0' });
  });

  it('says how the payloads of a device are read, and sends one', async () => {
    const device = { params: { path: { id: 'cam' } } };
    const options = { reversed: ['2'] };
    expect((await api.PUT('/devices/{id}', { ...device, body: { adapter: 'xovis', options } })).data).toMatchObject({
      id: 'cam',
      adapter: 'xovis',
      options,
    });
    expect((await api.PUT('/devices/{id}', { ...device, body: { adapter: 'xovis' } })).data).toMatchObject({ options });
    expect((await api.GET('/devices')).data).toHaveLength(1);
    expect((await api.GET('/devices/{id}', device)).data).toMatchObject({ options });
    expect((await api.DELETE('/devices/{id}', device)).response.status).toBe(204);
    expect((await api.GET('/unplaced-dpus')).data).toEqual([]);
    const sent = await api.POST('/ingest/{adapter}', {
      params: { path: { adapter: 'density' }, query: { device: 'gate' } },
      body: { doorway_id: 'gate', direction: 1, timestamp: '2018-02-24T08:00:00Z' },
    });
    expect(sent.data).toEqual({ device: 'gate', readings: 1, rejected: [], skipped: [] });
  });

  it('lists what a device sent', async () => {
    const sent = await api.GET('/dpus/{id}/messages', { params: { path: { id: 'gate' } } });
    expect(sent.data).toMatchObject([{ subject: 'dpu.gate.density', cut: false }]);
  });

  it('shows displays what they show, and pairs none where no tokens are needed', async () => {
    const space = { params: { path: { space_id: 1 } } };
    const paired = { space_id: 1, paired: true, code: null, expires_at: null };
    expect((await api.POST('/display/pairings', { body: { space_id: 1 } })).data).toEqual(paired);
    expect((await api.GET('/display/{space_id}', space)).data).toMatchObject({ space_id: 1 });
    const stream = await api.GET('/display/{space_id}/stream', { ...space, parseAs: 'stream' });
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await stream.data?.cancel();
    expect((await api.GET('/displays')).data).toEqual([]);
    expect((await api.POST('/displays', { body: { code: 'BCD-FGH' } })).error).toMatchObject({ status: 404 });
    const nobody = { params: { path: { display_id: 'nobody' } } };
    expect((await api.DELETE('/displays/{display_id}', nobody)).error).toMatchObject({ status: 404 });
  });

  it('keeps floor plans and their images', async () => {
    const plan = { params: { path: { id: 'ground' } } };
    const drawing = {
      name: 'Ground floor',
      spaces: [
        {
          space_id: 1,
          points: [
            { x: 0, y: 0 },
            { x: 1, y: 0 },
            { x: 1, y: 1 },
          ],
        },
      ],
      doorways: [],
    };
    expect((await api.PUT('/floor-plans/{id}', { ...plan, body: drawing })).data).toMatchObject(drawing);
    const image = await api.PUT('/floor-plans/{id}/image', {
      ...plan,
      body: '',
      bodySerializer: () => pngOf(4, 3),
      headers: { 'content-type': 'image/png' },
    });
    expect(image.data).toMatchObject({ image: { type: 'image/png', width: 4, height: 3 } });
    const read = await api.GET('/floor-plans/{id}/image', { ...plan, parseAs: 'arrayBuffer' });
    expect(read.response.headers.get('content-type')).toBe('image/png');
    expect((await api.GET('/floor-plans/{id}', plan)).data).toMatchObject(drawing);
    expect((await api.GET('/floor-plans')).data).toMatchObject([{ id: 'ground' }]);
    expect((await api.DELETE('/floor-plans/{id}', plan)).response.status).toBe(204);
  });

  it('lists dead letters, and says what a replay would do', async () => {
    expect((await api.GET('/dead-letters', { params: { query: { limit: 5 } } })).response.status).toBe(200);
    const replay = await api.POST('/dead-letters/replay', { body: { dry_run: true } });
    expect(replay.data).toMatchObject({ dry_run: true, replayed: 0 });
  });

  it('has called every operation of the document, and got only answers that it declares', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect([...called].sort()).toEqual(described.sort());
    expect(undocumented).toEqual([]);
  });
});
