// Readings sent over HTTP. They use the same parser and the same log as those sent over NATS.
import { z } from 'zod';
import { doorwayAt } from '../../domain/placement.ts';
import { identityOf } from '../../domain/reading.ts';
import type { TopologyHistory } from '../../domain/topology-history.ts';
import type { ReadingsLog } from '../../ports/readings-log.ts';
import { acceptedUpTo, toMessage } from '../../publishing/append-readings.ts';
import type { TimestampBound } from '../../publishing/timestamp-bound.ts';
import { storeBatch } from './batch.ts';
import { refuseUnstored } from './unstored.ts';
import { defineRoute, type Route } from './route.ts';
import * as resources from '../schemas/resources.ts';
import { READING_EXAMPLE, readingBody } from '../schemas/readings.ts';

const encoder = new TextEncoder();

export interface ReadingsDeps {
  readonly log: ReadingsLog;
  readonly topology: TopologyHistory;
  readonly bound: TimestampBound;
  readonly now: () => number;
}

export function readingsRoutes({ log, topology, bound, now }: ReadingsDeps): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/readings',
      operationId: 'sendReading',
      tag: 'readings',
      summary: 'Send a reading',
      scope: 'readings:write',
      description:
        'Answered once the reading is stored. Sending it again changes nothing: two readings with the same sensor, timestamp, people or counters, and `id` (or none) are one reading.',
      body: readingBody(() => ({ latestMs: bound.at(now()), earliestMs: bound.earliestMs })),
      bodyExample: READING_EXAMPLE,
      success: {
        status: 202,
        description: 'the reading is stored and will be counted',
        schema: resources.readingAccepted,
        example: { id: '423~1519461921893~+', held: false },
      },
      handle: async ({ body: reading }, ctx) => {
        // The clock may have been set back since the body was validated.
        const latestMs = Math.max(bound.at(now()), reading.timestampMs ?? 0);
        await acceptedUpTo(log, bound, latestMs)
          .append(reading.dpuId, encoder.encode(JSON.stringify(toMessage(reading))))
          .catch(refuseUnstored(ctx, 'the reading was not stored; send it again'));
        const placements = topology.latest().dpu(reading.dpuId)?.placements ?? [];
        const { timestampMs } = reading;
        return {
          // The id of a reading without a timestamp contains its sequence in the log, which is not in the answer.
          id: timestampMs === null ? null : identityOf({ ...reading, timestampMs }),
          held: doorwayAt(placements, timestampMs ?? now()) === null,
        };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/readings/batch',
      operationId: 'sendReadings',
      tag: 'readings',
      summary: 'Send many readings',
      scope: 'readings:write',
      description:
        'A JSON array, JSON lines or CSV with a header line, of up to 50 MB (uncompressed) and 500,000 readings; gzip, deflate and br encodings are accepted. ' +
        'An invalid reading is rejected without affecting the others. Sending a batch again changes nothing, so if the answer is not 202, send the whole batch again.',
      streamedBody: {
        'application/json': { schema: z.array(z.unknown()), example: [READING_EXAMPLE] },
        'application/x-ndjson': { example: `${JSON.stringify(READING_EXAMPLE)}\n` },
        'text/csv': { example: 'timestamp,direction,dpu_id\n2018-02-24T08:45:21.893Z,1,423\n' },
      },
      success: {
        status: 202,
        description: 'how many readings were accepted, and which were rejected',
        schema: resources.batchResult,
        example: {
          accepted: 499,
          repeated: 0,
          rejected: [{ index: 7, path: 'direction', detail: 'direction must be 1 or -1' }],
          rejected_count: 1,
        },
      },
      handle: async (_input, ctx) => {
        const latestMs = bound.at(now());
        return storeBatch(ctx, acceptedUpTo(log, bound, latestMs), { latestMs, earliestMs: bound.earliestMs });
      },
    }),
  ];
}
