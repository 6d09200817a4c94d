// The body of one reading. The domain's own parser reads it, as it does over NATS and MQTT; the document beside it says
// what that parser takes.
import { z } from 'zod';
import { parseReading, SECONDS_BELOW, type Reading } from '../../domain/reading.ts';

const DOC = {
  type: 'object',
  description: 'One person passed under one sensor',
  required: ['dpu_id', 'timestamp', 'direction'],
  properties: {
    dpu_id: {
      anyOf: [{ type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' }, { type: 'integer' }],
      description: 'the sensor',
    },
    timestamp: {
      anyOf: [
        { type: 'string', format: 'date-time' },
        { type: 'integer', minimum: SECONDS_BELOW },
      ],
      description: 'when the person passed: ISO 8601 with an offset, or milliseconds since 1970',
    },
    direction: { type: 'integer', enum: [1, -1], description: 'into the ingress space of the doorway, or out of it' },
    id: {
      type: ['string', 'null'],
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      description:
        "the sensor's own name for the reading, which makes it different from another in the same millisecond; it may be used again at another timestamp",
    },
  },
};

export const READING_EXAMPLE = { dpu_id: '423', timestamp: '2018-02-24T08:45:21.893Z', direction: 1 };

/** @param latestMs readings may lie at most up to here in the future */
export function readingBody(latestMs: () => number) {
  return z
    .unknown()
    .meta(DOC)
    .transform((value, context): Reading => {
      const parsed = parseReading(value, { latestMs: latestMs() });
      if (parsed.ok) return parsed.reading;
      const { field, detail } = parsed.rejection;
      context.addIssue({ code: 'custom', message: detail, path: field === '' ? [] : [field] });
      return z.NEVER;
    });
}
