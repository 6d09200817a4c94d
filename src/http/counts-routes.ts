// How many: now, at an instant, per interval.
import type Router from '@koa/router';
import type { CountAnswer, Counts, IntervalAnswer } from '../counts/counts.ts';
import { BEGINNING_MS, formatInstant } from '../domain/instant.ts';
import { intervalBounds, intervalCount, parseInterval } from '../domain/interval.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';
import { DAY_MS } from '../domain/zone.ts';
import { currentQuery, intervalsQuery, spaceIdInPath } from './fields.ts';
import { check, HttpProblem } from './problem.ts';

const INTERVALS_MAX = 10_000;

export function countsRoutes(router: Router, counts: Counts, topology: TopologyHistory, now: () => number): void {
  router.get('/counts/:id/current', async (ctx) => {
    const spaceId = check(spaceIdInPath, ctx.params['id']);
    const { at } = check(currentQuery, ctx.query);
    ctx.body = countJson(at === undefined ? await counts.now(spaceId, now()) : await counts.at(spaceId, at));
  });

  router.get('/counts/:id/intervals', async (ctx) => {
    const spaceId = check(spaceIdInPath, ctx.params['id']);
    const space = existing(topology.latest().space(spaceId), `space ${spaceId}`);
    const query = check(intervalsQuery, ctx.query);
    const endMs = query.end ?? now();
    const startMs = query.start ?? endMs - DAY_MS;
    const interval = parseInterval(query.interval);
    if (!interval) throw invalid('interval', 'interval must be a whole number of minutes or hours up to a week, such as 15m or 1h, or 1d or 1w');
    if (startMs >= endMs) throw invalid('start', 'start must be before end');
    if (intervalCount(startMs, endMs, interval) > INTERVALS_MAX) {
      throw invalid('interval', `the answer would have more than ${INTERVALS_MAX} intervals: take a longer interval or a shorter range`);
    }
    const bounds = intervalBounds(startMs, endMs, interval, space.timeZone);
    ctx.body = (await counts.intervals(spaceId, bounds)).map(intervalJson);
  });
}

function invalid(path: string, detail: string): HttpProblem {
  return new HttpProblem(422, detail, [{ path, detail }]);
}

const instantOrNull = (ms: number): string | null => (ms <= BEGINNING_MS ? null : formatInstant(ms));

function countJson(answer: CountAnswer): object {
  return {
    space_id: answer.spaceId, timestamp: formatInstant(answer.timestampMs),
    count: answer.count, net: answer.net, drift: answer.drift,
    last_reading_at: instantOrNull(answer.lastReadingMs), watermark: instantOrNull(answer.watermarkMs), final: answer.isFinal,
  };
}

function intervalJson({ startMs, endMs, entrances, exits, min, max, count, isFinal }: IntervalAnswer): object {
  return { start: formatInstant(startMs), end: formatInstant(endMs), entrances, exits, min, max, count, final: isFinal };
}
