// The body of one reading. It is parsed by the domain's parser, as for NATS and MQTT; the JSON Schema next to it
// documents what the parser accepts.
import { z } from 'zod';
import { ID_PATTERN } from '../../domain/ids.ts';
import { PASSED_MAX, REVISION_MAX, TOTAL_MAX } from '../../domain/measure.ts';
import { parseReading, type SentReading } from '../../domain/parse-reading.ts';

const INSTANT = {
  anyOf: [
    { type: 'string', format: 'date-time' },
    { type: 'string', pattern: '^\\d{12,16}$' },
    { type: 'integer', minimum: 0 },
  ],
};
const whole = (maximum: number, description: string): object => ({ type: 'integer', minimum: 0, maximum, description });

const DOC = {
  type: 'object',
  description:
    'What one sensor reports: that one person passed (`direction`), how many passed (`entrances` and `exits`), or the values of its counters (`total_entrances` and `total_exits`). Exactly one of the three.',
  required: ['dpu_id'],
  properties: {
    dpu_id: {
      anyOf: [{ type: 'string', pattern: ID_PATTERN.source }, { type: 'integer' }],
      description: 'id of the sensor',
    },
    timestamp: {
      ...INSTANT,
      description:
        'when the person passed, the interval ended, or the counters were read: ISO 8601 with an offset, or milliseconds since 1970. Without one the reading counts when it arrives, and sending it again counts again',
    },
    direction: { type: 'integer', enum: [1, -1], description: 'into the ingress space of the doorway, or out of it' },
    entrances: whole(PASSED_MAX, 'people who went into the ingress space since `start`, or since the previous reading'),
    exits: whole(PASSED_MAX, 'people who went out of it'),
    start: { ...INSTANT, description: 'when the interval began; everyone counts at `timestamp`' },
    revision: whole(
      REVISION_MAX,
      'for an interval that may be sent again with other numbers; needs `start` and `timestamp`. Of all readings of the sensor with a revision and the same `start` and `timestamp`, only the one with the greatest revision counts; if revisions are equal, the one with the most people',
    ),
    total_entrances: whole(
      TOTAL_MAX,
      'the value of the counter of entrances: its difference to the previous value counts',
    ),
    total_exits: whole(TOTAL_MAX, 'the value of the counter of exits'),
    counter_epoch: {
      anyOf: [{ type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' }, { type: 'integer' }],
      description: 'identifies a run of the counters: a different value means that they have restarted from 0',
    },
    id: {
      anyOf: [{ type: ['string', 'null'], pattern: ID_PATTERN.source }, { type: 'integer' }],
      description:
        "the sensor's own name for the reading, which distinguishes it from another with the same fields; it may be used again at another timestamp",
    },
  },
};

export const READING_EXAMPLE = { dpu_id: '423', timestamp: '2018-02-24T08:45:21.893Z', direction: 1 };

/**
 * @param times returns the timestamps that are accepted now
 */
export function readingBody(times: () => { readonly latestMs: number; readonly earliestMs: number }) {
  return z
    .unknown()
    .meta(DOC)
    .transform((value, context): SentReading => {
      const parsed = parseReading(value, times());
      if (parsed.ok) return parsed.reading;
      const { field, detail } = parsed.rejection;
      context.addIssue({ code: 'custom', message: detail, path: field === '' ? [] : [field] });
      return z.NEVER;
    });
}
