// Devices that send payloads in their own formats, and how the payloads are read. Devices that use the defaults are
// not listed here.
import type { Context } from 'koa';
import { z } from 'zod';
import { optionProblems } from '../../adapters/adapters.ts';
import { deviceOf, LINE_SEPARATOR, type DpuId } from '../../domain/ids.ts';
import type { Device } from '../../domain/topology.ts';
import { keptOptions } from '../../domain/topology-command.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { authorOf } from '../auth/auth.ts';
import { hashedSecret } from '../auth/device-secrets.ts';
import { answerList, type Readers } from '../list.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { LIST_HEADERS } from '../paging.ts';
import { HttpProblem } from '../problem.ts';
import { deviceBody } from '../schemas/bodies.ts';
import { dpuIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { DEVICE_EXAMPLE, deviceJson, notDeleted } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';
import { defineRoute, type Route } from './route.ts';

const FIELDS = { id: 'text', adapter: 'text', created_at: 'instant', updated_at: 'instant' } as const;
const READERS: Readers<Device, typeof FIELDS> = {
  id: ({ id }) => id,
  adapter: ({ adapter }) => adapter,
  created_at: ({ createdMs }) => createdMs,
  updated_at: ({ updatedMs }) => updatedMs,
};

const ITEM = { path: '/devices/{id}', tag: 'dpus', params: z.strictObject({ id: dpuIdInPath }) } as const;
const FOUND = { status: 200, schema: resources.device, example: DEVICE_EXAMPLE, headers: ETAG } as const;

/** Throws if `if-match` names another state of the device. */
type Unchanged = (ctx: Context, id: DpuId) => (view: TopologyView) => void;

export function devicesRoutes(topology: TopologyService, reads: TopologyReads): Route[] {
  const unchanged: Unchanged = (ctx, id) => (view) => checkUnchanged(ctx, () => deviceJson(deviceIn(view, id)));
  return [
    defineRoute({
      path: '/devices',
      tag: 'dpus',
      method: 'GET',
      operationId: 'listDevices',
      summary: 'List the devices with options for reading their payloads',
      scope: 'read',
      query: z.strictObject({ ...listQuery(FIELDS, 'id'), ...topologyKnownAt }),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of devices',
        schema: z.array(resources.device),
        example: [DEVICE_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
      },
      handle: ({ query }, ctx) =>
        answerList(ctx, notDeleted(reads.read(ctx, query).view.devices()), READERS, query, deviceJson),
    }),
    defineRoute({
      ...ITEM,
      method: 'GET',
      operationId: 'getDevice',
      summary: 'Get the options for reading the payloads of a device',
      scope: 'read',
      problems: [404],
      query: z.strictObject(topologyKnownAt),
      requestHeaders: IF_NONE_MATCH,
      success: { ...FOUND, description: 'the device', headers: { ...ETAG, ...TOPOLOGY_AS_OF_HEADER } },
      handle: ({ params: { id }, query }, ctx) =>
        revalidated(ctx, deviceJson(deviceIn(reads.read(ctx, query).view, id))),
    }),
    putDevice(topology, unchanged),
    defineRoute({
      ...ITEM,
      method: 'DELETE',
      operationId: 'deleteDevice',
      summary: 'Delete the options of a device, so that its payloads are read with the defaults',
      description: 'Applies to payloads that are stored from now on.',
      scope: 'topology:write',
      problems: [404, 409, 412],
      requestHeaders: IF_MATCH,
      success: { status: 204, description: 'the options are deleted' },
      handle: async ({ params: { id } }, ctx) => {
        await topology.execute({ kind: 'deleteDevice', id }, authorOf(ctx), unchanged(ctx, id));
      },
    }),
  ];
}

function putDevice(topology: TopologyService, unchanged: Unchanged): Route {
  return defineRoute({
    ...ITEM,
    method: 'PUT',
    operationId: 'putDevice',
    summary: 'Set the options for reading the payloads of a device or a gateway',
    description:
      'Applies to payloads that are stored from now on. What an adapter can be told is in docs/devices.md; an option that is left out has its default. `options` that are left out as a whole stay as they are, unless the adapter is another one; `null` stands for the defaults. A `secret` that is left out stays as it is.',
    scope: 'topology:write',
    requestHeaders: IF_MATCH,
    body: deviceBody,
    bodyExample: { adapter: 'xovis', options: { reversed: ['2'] } },
    problems: [404, 412],
    success: { ...FOUND, description: 'the device' },
    handle: async ({ params: { id }, body: { adapter, options, secret: given } }, ctx) => {
      if (deviceOf(id) !== id)
        throw invalid('id', `must not contain ${LINE_SEPARATOR}: that separates a device from its lines`);
      if (options !== undefined) checkOptions(adapter, options);
      const secret = typeof given === 'string' ? await hashedSecret(given) : given;
      const command = { kind: 'setAdapter', id, adapter, options, secret } as const;
      const { doc } = await topology.execute(command, authorOf(ctx), (view) => {
        if (ctx.get('if-match') !== '') unchanged(ctx, id)(view);
        if (options === undefined) checkOptions(adapter, keptOptions(view.device(id), adapter));
      });
      return revalidated(ctx, deviceJson(doc as Device));
    },
  });
}

function checkOptions(adapter: string, options: Device['options']): void {
  const problems = optionProblems(adapter, options);
  if (problems.length > 0)
    throw new HttpProblem(
      422,
      'the options do not fit the adapter',
      problems.map(({ path, detail }) => ({ path: path ? `options.${path}` : 'options', detail })),
    );
}

function deviceIn(view: TopologyView, id: DpuId): Device {
  return existing(view.device(id), `device ${id}`);
}

function invalid(path: string, detail: string): HttpProblem {
  return new HttpProblem(422, detail, [{ path, detail }]);
}
