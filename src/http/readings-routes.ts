// Readings over HTTP: the same parser and the same log as over NATS.
import { z } from 'zod';
import { Failure } from '../domain/failure.ts';
import type { DpuId } from '../domain/ids.ts';
import { readingIdOf, type Reading } from '../domain/reading.ts';
import type { ReadingsLog } from '../ports.ts';
import { jsonBody } from './body.ts';
import { HttpProblem } from './problem.ts';
import { toMessage } from './reading-messages.ts';
import { logOf } from './request-state.ts';
import { defineRoute, type Route } from './route.ts';
import * as resources from './schemas/resources.ts';
import { READING_EXAMPLE, readingBody } from './schemas/readings.ts';
import { parseReading } from '../domain/reading.ts';

const READINGS_PER_MESSAGE = 2_000;
const encoder = new TextEncoder();

export interface ReadingsDeps {
  readonly log: ReadingsLog;
  readonly skewMs: number;
  readonly now: () => number;
}

export function readingsRoutes({ log, skewMs, now }: ReadingsDeps): Route[] {
  return [
    defineRoute({
      method: 'POST', path: '/readings', operationId: 'sendReading', tag: 'readings', summary: 'Send a reading', scope: 'readings:write',
      description: 'Answered when it is stored. Sending it again changes nothing: it is the same reading when its `id` is, or without one its sensor, timestamp and direction.',
      body: readingBody(() => now() + skewMs), bodyExample: READING_EXAMPLE, problems: [503],
      success: { status: 202, description: 'it is stored, and will be counted', schema: resources.readingAccepted, example: { id: '423~1519461921893~+' } },
      handle: async ({ body: reading }, ctx) => {
        await log.append(reading.dpuId, encoder.encode(JSON.stringify(toMessage(reading)))).catch((error: unknown) => {
          logOf(ctx).warn({ err: error }, 'a reading was not stored');
          throw new Failure('unavailable', 'the reading is not stored; send it again', { cause: error, retryAfterSeconds: 2 });
        });
        return { id: readingIdOf(reading) };
      },
    }),
    defineRoute({
      method: 'POST', path: '/readings/batch', operationId: 'sendReadings', tag: 'readings', summary: 'Send many readings', scope: 'readings:write',
      description: 'Sending a batch again changes nothing: readings have an identity.',
      streamedBody: { 'application/json': { schema: z.array(z.unknown()), example: [READING_EXAMPLE] } }, problems: [503],
      success: {
        status: 202, description: 'what became of them', schema: resources.batchResult,
        example: { accepted: 499, rejected: [{ index: 7, path: 'direction', detail: 'direction must be 1 or -1' }], rejected_count: 1 },
      },
      handle: async (_input, ctx) => {
        const body = await jsonBody(ctx);
        if (!Array.isArray(body)) throw new HttpProblem(422, 'the body must be an array of readings');
        const latestMs = now() + skewMs;
        const rejected: { index: number; path: string; detail: string }[] = [];
        const byDpu = new Map<DpuId, Reading[]>();
        body.forEach((item: unknown, index) => {
          const parsed = parseReading(item, { latestMs });
          if (!parsed.ok) {
            rejected.push({ index, path: parsed.rejection.field, detail: parsed.rejection.detail });
            return;
          }
          const list = byDpu.get(parsed.reading.dpuId);
          if (list) list.push(parsed.reading);
          else byDpu.set(parsed.reading.dpuId, [parsed.reading]);
        });
        for (const [dpuId, list] of byDpu) {
          for (let at = 0; at < list.length; at += READINGS_PER_MESSAGE) {
            await log.append(dpuId, encoder.encode(JSON.stringify(list.slice(at, at + READINGS_PER_MESSAGE).map(toMessage))));
          }
        }
        return { accepted: body.length - rejected.length, rejected, rejected_count: rejected.length };
      },
    }),
  ];
}
