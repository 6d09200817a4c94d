// Payloads of devices in their own formats. They are stored unchanged; the router that reads them runs the adapter.
import type { Context } from 'koa';
import { z } from 'zod';
import type { PayloadContext } from '../../adapters/adapter.ts';
import { ADAPTERS } from '../../adapters/adapters.ts';
import { configuredFor } from '../../adapters/configured.ts';
import { NAMES_NO_DEVICE } from '../../adapters/dpu-name.ts';
import { Failure } from '../../domain/failure.ts';
import { deviceOf, LINE_SEPARATOR, type DpuId } from '../../domain/ids.ts';
import type { TopologyHistory } from '../../domain/topology-history.ts';
import type { ReadingsLog } from '../../ports/readings-log.ts';
import { principalOf } from '../auth/auth.ts';
import { decompressed } from '../decompressed.ts';
import { HttpProblem } from '../problem.ts';
import { dpuIdInPath } from '../schemas/fields.ts';
import * as resources from '../schemas/resources.ts';
import { defineRoute, type Route } from './route.ts';
import { refuseUnstored } from './unstored.ts';

/** The maximum size of a NATS message, including its headers. */
const PAYLOAD_BYTES_MAX = 1_000_000;

const EXAMPLE = {
  version: 'v2',
  id: 'evt-1',
  doorway_id: 'drw_1',
  space_id: 'spc_1',
  direction: 1,
  timestamp: '2018-02-24T08:45:21.893Z',
};

export interface IngestDeps {
  readonly log: Pick<ReadingsLog, 'appendPayload'>;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function ingestRoutes({ log, topology, now }: IngestDeps): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/ingest/{adapter}',
      operationId: 'ingestPayload',
      tag: 'readings',
      summary: "Send a device's payload in the device's own format",
      scope: 'readings:write',
      takesDeviceSecret: true,
      description:
        'Answered once the payload is stored, byte for byte. The adapter then derives readings from it; what it cannot read becomes a dead letter. ' +
        'Sending a payload again changes nothing, except where its readings have no timestamp. ' +
        "A device's lines are sensors named `<device>/<line>`; readings of sensors that are not registered are held. " +
        'Devices that cannot send a bearer token may use HTTP basic authentication, with the token as the password; ' +
        'or the secret of the device (`PUT /devices/{id}`) as the password, with the id of the device as the user name or in the URL. It is for payloads of that device only.',
      params: z.strictObject({
        adapter: z.enum([...ADAPTERS.keys()]).meta({ description: 'how to read the payload' }),
      }),
      query: z.strictObject({
        device: dpuIdInPath.optional().meta({
          description: 'the device, if the payload does not name it; a gateway, if the payload names other devices',
        }),
      }),
      streamedBody: {
        'application/json': { schema: z.unknown(), example: EXAMPLE },
        '*/*': { example: JSON.stringify(EXAMPLE) },
      },
      success: {
        status: 202,
        description: 'the payload is stored; the answer lists its readings',
        schema: resources.payloadAccepted,
        example: { device: 'drw_1', readings: 1, rejected: [], skipped: [] },
      },
      problems: [403, 413, 415],
      handle: async ({ params: { adapter }, query: { device } }, ctx) => {
        const payload = await bytesOf(ctx);
        const context = { arrivalMs: now(), contentType: ctx.get('content-type') };
        const own = principalOf(ctx)?.device;
        const sender = device === undefined ? senderOf(payload, adapter, context, own) : requireDevice(device);
        if (own !== undefined && own !== sender)
          throw new HttpProblem(403, `the secret is that of ${own}, and the payload is of ${sender}`);
        const configured = configuredFor(topology, sender, adapter, context.arrivalMs);
        const adapted = configured.ok
          ? configured.adapt(payload, { ...context, device: sender })
          : { readings: [], rejected: configured.problems, skipped: [] };
        await log
          .appendPayload(sender, adapter, payload)
          .catch(refuseUnstored(ctx, 'the payload was not stored; send it again'));
        const { readings, rejected, skipped } = adapted;
        return { device: sender, readings: readings.length, rejected, skipped };
      },
    }),
  ];
}

async function bytesOf(ctx: Context): Promise<Uint8Array> {
  const tooLong = `a payload may hold at most ${PAYLOAD_BYTES_MAX / 1e6} MB`;
  const chunks: Buffer[] = [];
  for await (const chunk of decompressed(ctx, PAYLOAD_BYTES_MAX, tooLong)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function requireDevice(device: DpuId): DpuId {
  if (deviceOf(device) === device) return device;
  throw new Failure('invalid', `a device's name may not contain ${LINE_SEPARATOR}: that separates it from its lines`, {
    field: 'device',
  });
}

/**
 * The one device that a payload names, or the name of the adapter if it names none.
 * @param own the device whose secret was sent, which a payload that names no device belongs to
 */
function senderOf(payload: Uint8Array, adapter: string, context: PayloadContext, own: DpuId | undefined): DpuId {
  const configured = ADAPTERS.get(adapter)?.configure({});
  if (!configured?.ok && own !== undefined) return own;
  if (!configured?.ok)
    throw new Failure('invalid', `the adapter ${adapter} needs to know whose options to use`, { field: 'device' });
  const { readings, rejected } = configured.adapt(payload, context);
  const devices = [...new Set(readings.map(({ dpuId }) => deviceOf(dpuId as DpuId)))];
  const [device] = devices;
  if (devices.length > 1) {
    const some = devices.slice(0, 3).join(', ');
    throw new Failure('invalid', `the payload is of several devices (${some}): name their gateway`, {
      field: 'device',
    });
  }
  if (device !== undefined) return device;
  if (own !== undefined) return own;
  if (rejected.some(({ detail }) => detail === NAMES_NO_DEVICE))
    throw new Failure('invalid', 'the payload names no device', { field: 'device' });
  return adapter as DpuId;
}
