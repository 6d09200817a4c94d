// The schema of a change of the topology in the audit.
import { z } from 'zod';
import { deletedReading } from './deleted-readings.ts';
import { placement } from './placements.ts';
import { count, device, doorway, dpu, exclusion, id, instant, reset, resource, space } from './resources.ts';

export const AUDITED_KINDS = [
  'space',
  'doorway',
  'dpu',
  'device',
  'exclusion',
  'deletion',
  'reset',
  'settings',
  'epoch',
] as const;

/** Functions, because a schema that has no name in the document may be used in only one place. */
const placedDpu = () =>
  z
    .strictObject({
      ...dpu.shape,
      doorway_id: id('the doorway at which it was placed when the change was made; null for none').nullable(),
      placements: z.array(placement),
    })
    .meta({ description: 'a sensor with all its placements' });
const settings = () =>
  z
    .strictObject({
      out_of_orderness_ms: count('how far out of order readings may be before they count as late'),
      idle_timeout_ms: count('a sensor that is silent for longer does not delay finality'),
      block_rows_max: count('number of rows at which a block is stored'),
      block_age_max_ms: count('age at which a block is stored'),
      late_block_age_max_ms: count('the same for a block with a late reading'),
      repeated_late_block_age_max_ms: count('the same while late readings keep coming'),
      buffer_events_max: count('maximum size of the reorder buffer of a space'),
    })
    .meta({ description: 'the parameters that all processes count with' });
const epoch = () =>
  z
    .strictObject({
      epoch: count('number of the epoch that began'),
      begun_at: instant('when the repair began it'),
      space_ids_above: count('ids up to this one are not assigned again'),
      doorway_ids_above: count('the same for doorways'),
    })
    .meta({ description: 'the logs were repaired, because they had lost something' });

const thing = (description: string) =>
  z
    .union([space, doorway, placedDpu(), device, exclusion, deletedReading, reset, settings(), epoch()])
    .nullable()
    .meta({ description });

export const auditedChange = resource('AuditedChange', 'A change of the topology, and who made it', {
  sequence: id('sequence of the entry in the topology log'),
  index: count('position in the entry: an import writes many changes as one entry'),
  kind: z.enum(AUDITED_KINDS).meta({ description: 'what was changed; `deletion` means the deletion of a reading' }),
  space_id: id('the space, or the space of the reset').nullable(),
  doorway_id: id('the doorway').nullable(),
  dpu_id: z
    .string()
    .nullable()
    .meta({ description: 'the sensor or device, or the sensor of the exclusion or the deleted reading' }),
  before: thing('as its own route showed it before the change; null if it did not exist'),
  after: thing('as its own route showed it after the change; null if it was deleted, or a reading restored'),
  at: instant('when the change was made'),
  by: z
    .string()
    .nullable()
    .meta({
      description:
        'who made it: `token:<name>`, `jwt:<subject>`, `loopback` (a request that needed no token), `cli`, `demo` or `service`; null if an earlier version of the service recorded it',
      examples: ['token:facility'],
    }),
});
