// A loss in NATS as clients see it.
import type { z } from 'zod';
import { formatInstant } from '../domain/instant.ts';
import type { Loss } from '../recovery/losses.ts';
import type * as resources from './schemas/resources.ts';

export function lossJson({
  epoch,
  atMs,
  detail,
  readings,
  commits,
  topology,
}: Loss): z.output<typeof resources.health>['losses'][number] {
  return { epoch, at: formatInstant(atMs), detail, readings, commits, topology };
}
