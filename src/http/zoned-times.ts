// The time zone in which an answer writes its times: `tz` in the query.
import { formatInstant } from '../domain/instant.ts';
import { formatInZone, zoneNamed } from '../domain/zone.ts';
import { field } from './schemas/fields.ts';

/** Writes an instant into an answer. */
export type Written = (ms: number) => string;

const RULE = 'an IANA time zone, such as Europe/Vienna';
const OWN = 'space';
const DESCRIPTION = `${RULE}, in which times are written, with their offset; default: UTC`;

/** For answers about several spaces, or none. */
export const timeZone = {
  tz: field({ type: 'string', description: DESCRIPTION, examples: ['Europe/Vienna'] }, `must be ${RULE}`, (value) =>
    typeof value === 'string' ? zoneNamed(value) : undefined,
  ).optional(),
};

/** For answers about one space. */
export const timeZoneOrSpace = {
  tz: field(
    {
      type: 'string',
      description: `${DESCRIPTION}. \`${OWN}\` is the zone of the space`,
      examples: ['Europe/Vienna', OWN],
    },
    `must be ${RULE}, or ${OWN}`,
    (value) => (value === OWN ? OWN : typeof value === 'string' ? zoneNamed(value) : undefined),
  ).optional(),
};

/** @param own the zone of the space that the answer is about */
export function writtenIn(tz: string | undefined, own?: string): Written {
  if (tz === undefined) return formatInstant;
  const zone = tz === OWN && own !== undefined ? own : tz;
  return (ms) => formatInZone(ms, zone);
}
