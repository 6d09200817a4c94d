// The body of one reading. The domain's parser reads it, as it does for NATS and MQTT; the JSON Schema next to it documents what
// that parser accepts.
import { z } from 'zod';
import { DPU_ID_PATTERN, READING_NAME_PATTERN } from '../../domain/ids.ts';
import { parseReading, SECONDS_BELOW, type Reading } from '../../domain/reading.ts';

const DOC = {
  type: 'object',
  description: 'One person passed under one sensor',
  required: ['dpu_id', 'timestamp', 'direction'],
  properties: {
    dpu_id: {
      anyOf: [{ type: 'string', pattern: DPU_ID_PATTERN.source }, { type: 'integer' }],
      description: 'id of the sensor',
    },
    timestamp: {
      anyOf: [
        { type: 'string', format: 'date-time' },
        { type: 'integer', minimum: SECONDS_BELOW },
      ],
      description: 'when the person passed: ISO 8601 with an offset, or milliseconds since 1970',
    },
    direction: {
      type: 'integer',
      enum: [1, -1],
      description: '1: into the ingress space of the doorway; -1: out of it',
    },
    id: {
      type: ['string', 'null'],
      pattern: READING_NAME_PATTERN.source,
      description:
        "the sensor's own id for the reading; it tells apart two readings in the same millisecond, and may be reused at another timestamp",
    },
  },
};

export const READING_EXAMPLE = { dpu_id: '423', timestamp: '2018-02-24T08:45:21.893Z', direction: 1 };

/** @param latestMs returns the latest timestamp accepted now */
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
