// The schema of the answer to an import.
import { z } from 'zod';
import { asOf, dryRun } from './dry-runs.ts';
import { count, resource } from './resources.ts';

const tally = (what: string) =>
  z.strictObject({
    created: count(`how many ${what} were created`),
    updated: count(`how many ${what} were changed`),
    unchanged: count(`how many ${what} were already registered as in the document`),
  });

export const topologyImport = resource('TopologyImport', 'What an import has done or, with `dry_run`, would do', {
  dry_run: z.boolean(),
  spaces: tally('spaces'),
  doorways: tally('doorways'),
  dpus: tally('sensors'),
  devices: tally('devices'),
  exclusions: tally('exclusions'),
  changes: z
    .array(
      z.strictObject({
        line: count('line of the document'),
        kind: z.enum(['space', 'doorway', 'dpu', 'device', 'exclusion']),
        name: z.string().meta({
          description:
            'name of the space or doorway, id of the sensor or device; for an exclusion the id of its sensor',
        }),
        action: z.enum(['create', 'update']),
        fields: z.array(z.string()).meta({ description: 'the fields that an update changes' }),
      }),
    )
    .meta({ description: 'the first 1,000 entries that are created or updated' }),
  changes_count: count('the number of all such entries'),
  as_of: asOf().optional(),
  effect: dryRun
    .nullable()
    .optional()
    .meta({ description: 'with `dry_run`: what the import would do to counts; null if that is not known' }),
  effect_unknown: z.string().optional().meta({ description: 'why it is not known' }),
});
