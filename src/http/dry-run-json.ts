// Dry runs as clients see them.
import type { Attribution, Correction } from '../counts/corrections.ts';
import type { CountAnswer, IntervalAnswer } from '../counts/count-at.ts';
import type { DryRun } from '../counts/dry-runs.ts';
import type { EffectOnSpace } from '../counts/effect-on-space.ts';
import { formatInstant } from '../domain/instant.ts';
import { formatPlace } from '../domain/topology-place.ts';
import { instantOrNull } from './counts-json.ts';

export function dryRunJson({ asOf, readings, corrections, spaces }: DryRun): object {
  return {
    dry_run: true,
    as_of: formatPlace(asOf),
    readings,
    corrections: corrections.map(correctionJson),
    spaces: spaces.map(spaceJson),
  };
}

function correctionJson({ dpuId, readings, firstMs, lastMs, from, to }: Correction): object {
  return {
    dpu_id: dpuId,
    readings,
    first_reading_at: formatInstant(firstMs),
    last_reading_at: formatInstant(lastMs),
    from: attributionJson(from),
    to: attributionJson(to),
  };
}

function attributionJson(attribution: Attribution): object {
  const { state, doorwayId, ingressSpaceId, egressSpaceId, entrances, exits } = attribution;
  return {
    state,
    doorway_id: doorwayId,
    ingress_space_id: ingressSpaceId,
    egress_space_id: egressSpaceId,
    entrances,
    exits,
  };
}

function spaceJson(space: EffectOnSpace): object {
  const { spaceId, current, fromMs, toMs, interval, intervals, intervalsLeftOut, watermarkMs, isFinal, isStale } =
    space;
  return {
    space_id: spaceId,
    timestamp: formatInstant(current.before.timestampMs),
    before: countJson(current.before),
    after: countJson(current.after),
    from: fromMs === null ? null : formatInstant(fromMs),
    to: formatInstant(toMs),
    interval,
    intervals: intervals.map(({ startMs, endMs, before, after, isFinal: final }) => ({
      start: formatInstant(startMs),
      end: formatInstant(endMs),
      before: intervalJson(before),
      after: intervalJson(after),
      final,
    })),
    intervals_left_out: intervalsLeftOut,
    watermark: instantOrNull(watermarkMs),
    final: isFinal,
    ...(isStale ? { stale: true } : {}),
  };
}

function countJson({ count, net, drift, lastReadingMs }: CountAnswer): object {
  return { count, net, drift, last_reading_at: instantOrNull(lastReadingMs) };
}

function intervalJson({ entrances, exits, min, max, count }: IntervalAnswer): object {
  return { entrances, exits, min, max, count };
}
