// Readings over HTTP: the same parser and the same log as over NATS.
import type Router from '@koa/router';
import type { Logger } from 'pino';
import { Failure } from '../domain/failure.ts';
import type { DpuId } from '../domain/ids.ts';
import { formatInstant } from '../domain/instant.ts';
import { parseReading, readingIdOf, type Reading } from '../domain/reading.ts';
import type { ReadingsLog } from '../ports.ts';
import { bodyOf } from './body.ts';
import { HttpProblem } from './problem.ts';

/** Keeps a message of the log well under NATS's 1 MB. */
const READINGS_PER_MESSAGE = 2_000;
const encoder = new TextEncoder();

export function readingsRoutes(router: Router, readings: ReadingsLog, skewMs: number, now: () => number, log: Logger): void {
  const append = async (dpuId: DpuId, body: unknown): Promise<void> => {
    try {
      await readings.append(dpuId, encoder.encode(JSON.stringify(body)));
    } catch (error) {
      log.warn({ err: error }, 'a reading was not stored');
      throw new Failure('unavailable', 'the reading is not stored; send it again', { cause: error, retryAfterSeconds: 2 });
    }
  };

  router.post('/readings', async (ctx) => {
    const parsed = parseReading(bodyOf(ctx), { latestMs: now() + skewMs });
    if (!parsed.ok) {
      const { field, detail } = parsed.rejection;
      throw new HttpProblem(422, detail, [{ path: field, detail }]);
    }
    await append(parsed.reading.dpuId, toMessage(parsed.reading));
    ctx.status = 202;
    ctx.body = { id: readingIdOf(parsed.reading) };
  });

  router.post('/readings/batch', async (ctx) => {
    const body = bodyOf(ctx);
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
        await append(dpuId, list.slice(at, at + READINGS_PER_MESSAGE).map(toMessage));
      }
    }
    ctx.status = 202;
    ctx.body = { accepted: body.length - rejected.length, rejected };
  });
}

function toMessage({ timestampMs, direction, name }: Reading): object {
  const message = { timestamp: formatInstant(timestampMs), direction };
  return name === undefined ? message : { ...message, id: name };
}
