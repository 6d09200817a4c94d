// The schemas of the entries of a topology document, which are the same in JSON and in CSV.
import { z } from 'zod';
import { deviceOf, LINE_SEPARATOR } from '../../domain/ids.ts';
import {
  adapterName,
  BODIES,
  counterModulus,
  deviceOptions,
  doorway,
  reasonText,
  OPTIONS_DESCRIPTION,
  space,
} from './bodies.ts';
import { dpuId, instant } from './fields.ts';

/** More than a DPU is moved in its lifetime. A DPU with its placements has to fit into one NATS message. */
const PLACEMENTS_MAX = 1_000;

const reference = z
  .string('must be text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must have at most 200 characters');

export const spaceEntry = z.strictObject({
  name: space.name,
  external_id: space.external_id.optional(),
  time_zone: space.time_zone.optional(),
  daily_reset: space.daily_reset.optional(),
  daily_reset_count: space.daily_reset_count.optional(),
  capacity: space.capacity.optional(),
});

export const doorwayEntry = z.strictObject({
  name: doorway.name,
  external_id: doorway.external_id.optional(),
  ingress_space: reference
    .nullable()
    .optional()
    .meta({ description: 'name or external id of the space that direction 1 leads into; null for outside' }),
  egress_space: reference
    .nullable()
    .optional()
    .meta({ description: 'name or external id of the space that direction 1 leads out of; null for outside' }),
});

export const placementEntry = z.strictObject({
  doorway: reference.nullable().meta({ description: 'name or external id of the doorway; null for none' }),
  from: instant
    .nullable()
    .optional()
    .meta({ description: 'when the placement begins; null or left out: the beginning of time' }),
});

export const dpuEntry = z.strictObject({
  id: dpuId,
  counter_modulus: counterModulus.optional(),
  placements: z
    .array(placementEntry)
    .max(PLACEMENTS_MAX, `must have at most ${PLACEMENTS_MAX} placements`)
    .optional()
    .meta({ description: 'added to the existing placements of the sensor; one at the same instant is replaced' }),
});

export const exclusionEntry = z.strictObject({
  dpu_id: dpuId,
  from: instant.meta({ description: 'readings of the sensor with this timestamp are excluded' }),
  to: instant.meta({ description: 'readings with this timestamp count again' }),
  reason: reasonText,
});

export const deviceEntry = z.strictObject({
  id: dpuId.refine(
    (id) => deviceOf(id) === id,
    `must not contain ${LINE_SEPARATOR}: that separates a device from its lines`,
  ),
  adapter: adapterName,
  options: deviceOptions.optional().meta({ description: OPTIONS_DESCRIPTION }),
});

export const topologyDocument = z
  .strictObject({
    spaces: z.array(spaceEntry).optional(),
    doorways: z.array(doorwayEntry).optional(),
    dpus: z.array(dpuEntry).optional(),
    exclusions: z.array(exclusionEntry).optional(),
    devices: z.array(deviceEntry).optional(),
  })
  .register(BODIES, { id: 'TopologyDocument' });
