// Dry runs as clients see them, with an example.
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

const [HALL, EXCLUDED] = [
  { state: 'counted', doorway_id: 1, ingress_space_id: 1, egress_space_id: null, entrances: 3, exits: 1 },
  { state: 'excluded', doorway_id: 1, ingress_space_id: null, egress_space_id: null, entrances: 3, exits: 1 },
];

export const DRY_RUN_EXAMPLE = {
  dry_run: true,
  as_of: 'topology-57-1br58n9',
  readings: 4,
  corrections: [
    {
      dpu_id: '423',
      readings: 4,
      first_reading_at: '2018-02-24T20:04:10.000Z',
      last_reading_at: '2018-02-24T20:41:55.000Z',
      from: HALL,
      to: EXCLUDED,
    },
  ],
  spaces: [
    {
      space_id: 1,
      timestamp: '2018-02-26T15:34:00.000Z',
      before: { count: 12, net: 10, drift: 2, last_reading_at: '2018-02-26T15:33:47.120Z' },
      after: { count: 12, net: 10, drift: 2, last_reading_at: '2018-02-26T15:33:47.120Z' },
      from: '2018-02-24T20:04:10.000Z',
      to: '2018-02-25T03:00:00.000Z',
      interval: '1h',
      intervals: [
        {
          start: '2018-02-24T20:00:00.000Z',
          end: '2018-02-24T21:00:00.000Z',
          before: { entrances: 3, exits: 2, min: 0, max: 3, count: 2 },
          after: { entrances: 0, exits: 1, min: 0, max: 1, count: 0 },
          final: true,
        },
      ],
      intervals_left_out: 0,
      watermark: '2018-02-26T15:33:42.120Z',
      final: true,
    },
  ],
};
