// Spaces, doorways, DPUs, placements and resets as clients see them, with an example of each.
import type { Context } from 'koa';
import { BEGINNING_MS, END_MS, formatInstant } from '../domain/instant.ts';
import { doorwayAt, type Placement } from '../domain/placement.ts';
import { readingOfIdentity } from '../domain/reading.ts';
import type { Deletion, Device, Doorway, Dpu, Exclusion, Reset, Space } from '../domain/topology.ts';
import { API_PREFIX } from './routes/route.ts';

/** The header that `createdAt` sets. */
export const LOCATION = { location: { description: 'URL of what was created' } } as const;

/** Answers with the created resource, and its URL in the `location` header. */
export function createdAt<T>(ctx: Context, path: string, body: T): T {
  ctx.set('location', `${API_PREFIX}${path}`);
  return body;
}

export function notDeleted<T extends { readonly deleted: boolean }>(docs: readonly T[]): T[] {
  return docs.filter((doc) => !doc.deleted);
}

/** Removes undefined fields, which a PATCH leaves unchanged. */
export function defined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}

const stamps = ({ createdMs, updatedMs }: Space | Doorway | Dpu | Device): object => ({
  created_at: formatInstant(createdMs),
  updated_at: formatInstant(updatedMs),
});

export function spaceJson(space: Space): object {
  return { id: space.id, ...spaceFieldsJson(space), ...stamps(space) };
}

/** What a client sets: the fields of a space in a topology document. */
export function spaceFieldsJson({
  name,
  externalId = null,
  timeZone,
  dailyReset,
  dailyResetCount = 0,
  capacity,
}: Space) {
  return {
    name,
    external_id: externalId,
    time_zone: timeZone,
    daily_reset: dailyReset,
    daily_reset_count: dailyResetCount,
    capacity,
  };
}

export function doorwayJson(doorway: Doorway): object {
  const { id, name, externalId = null, ingressSpaceId, egressSpaceId } = doorway;
  return {
    id,
    name,
    external_id: externalId,
    ingress_space_id: ingressSpaceId,
    egress_space_id: egressSpaceId,
    ...stamps(doorway),
  };
}

export function dpuJson(dpu: Dpu, nowMs: number): object {
  const { id, placements, counterModulus = null } = dpu;
  return { id, doorway_id: doorwayAt(placements, nowMs), counter_modulus: counterModulus, ...stamps(dpu) };
}

export function deviceJson(device: Device): object {
  const { id, adapter, options, secret } = device;
  return { id, adapter, options, has_secret: secret !== undefined, ...stamps(device) };
}

export function placementJson({ doorwayId, fromMs, toMs }: Placement): object {
  return {
    doorway_id: doorwayId,
    from: fromMs === BEGINNING_MS ? null : formatInstant(fromMs),
    to: toMs === END_MS ? null : formatInstant(toMs),
  };
}

export function resetJson({ id, timestampMs, count, recordedMs, updatedMs }: Reset): object {
  return {
    id,
    timestamp: formatInstant(timestampMs),
    count,
    recorded_at: formatInstant(recordedMs),
    updated_at: formatInstant(updatedMs),
  };
}

export function exclusionJson({ id, fromMs, toMs, reason, recordedMs }: Exclusion): object {
  return {
    id,
    from: formatInstant(fromMs),
    to: formatInstant(toMs),
    reason,
    recorded_at: formatInstant(recordedMs),
  };
}

export function deletionJson({ dpuId, readingId, reason, recordedMs }: Deletion): object {
  return {
    id: readingId,
    dpu_id: dpuId,
    timestamp: formatInstant(readingOfIdentity(readingId)?.timestampMs ?? 0),
    reason,
    deleted_at: formatInstant(recordedMs),
  };
}

const EXAMPLE_STAMPS = { created_at: '2018-02-24T08:00:00.000Z', updated_at: '2018-02-24T08:00:00.000Z' };
export const SPACE_FIELDS_EXAMPLE = {
  name: 'Hall',
  external_id: null,
  time_zone: 'Europe/Vienna',
  daily_reset: '04:00',
  daily_reset_count: 0,
  capacity: 120,
};
export const SPACE_EXAMPLE = { id: 1, ...SPACE_FIELDS_EXAMPLE, ...EXAMPLE_STAMPS };
export const DOORWAY_EXAMPLE = {
  id: 1,
  name: 'Main entrance',
  external_id: null,
  ingress_space_id: 1,
  egress_space_id: null,
  ...EXAMPLE_STAMPS,
};
export const DPU_EXAMPLE = { id: '423', doorway_id: 1, counter_modulus: null, ...EXAMPLE_STAMPS };
export const DEVICE_EXAMPLE = {
  id: '00:6E:02:01:02:03',
  adapter: 'xovis',
  options: { counter: 'interval', reversed: ['2'] },
  has_secret: false,
  ...EXAMPLE_STAMPS,
};
export const PLACEMENT_EXAMPLE = { doorway_id: 1, from: null, to: '2018-02-26T12:00:00.000Z' };
export const RESET_EXAMPLE = {
  id: 1,
  timestamp: '2018-02-25T04:00:00.000Z',
  count: 0,
  recorded_at: '2018-02-25T04:01:12.000Z',
  updated_at: '2018-02-25T04:01:12.000Z',
};
export const EXCLUSION_EXAMPLE = {
  id: 1,
  from: '2018-02-24T20:00:00.000Z',
  to: '2018-02-24T20:45:00.000Z',
  reason: 'the cleaning crew',
  recorded_at: '2018-02-25T07:30:00.000Z',
};
export const DELETION_EXAMPLE = {
  id: '423~1519461921893~+',
  dpu_id: '423',
  timestamp: '2018-02-24T08:45:21.893Z',
  reason: 'a test of the sensor',
  deleted_at: '2018-02-25T07:30:00.000Z',
};
