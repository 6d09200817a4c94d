// Explanations of counts as clients see them, with an example of each.
import type { Explanation, IntervalExplanation, KnownReset } from '../counts/explanations.ts';
import { formatAsOf } from '../domain/as-of.ts';
import { formatInstant } from '../domain/instant.ts';
import type { DoorwayTotal } from '../ports/history.ts';
import { instantOrNull } from './counts-json.ts';
import { API_PREFIX } from './routes/route.ts';
import { AS_OF_EXAMPLE } from './schemas/known-at.ts';

export function explanationJson(found: Explanation): object {
  const { spaceId, timestampMs, count, net, drift, reset } = found;
  // A reset applies to what comes after its instant.
  const since = reset && `timestamp > '${formatInstant(reset.timestampMs)}'`;
  return {
    space_id: spaceId,
    timestamp: formatInstant(timestampMs),
    count,
    net,
    drift,
    reset: reset && resetJson(reset),
    ...termsJson(found, [...(since ? [since] : []), `timestamp <= '${formatInstant(timestampMs)}'`]),
  };
}

export function intervalExplanationJson(found: IntervalExplanation): object {
  const { spaceId, fromMs, toMs, entrances, exits, countAtStart, countAtEnd, resets } = found;
  const [from, to] = [formatInstant(fromMs), formatInstant(toMs)];
  return {
    space_id: spaceId,
    from,
    to,
    count_at_start: countAtStart,
    entrances,
    exits,
    count_at_end: countAtEnd,
    resets: resets.map((reset) => ({ ...resetJson(reset), count_before: reset.countBefore })),
    ...termsJson(found, [`timestamp >= '${from}'`, `timestamp < '${to}'`]),
  };
}

/** @param span the filter of readings that the terms are about */
function termsJson(found: Explanation | IntervalExplanation, span: readonly string[]): object {
  const { doorways, exitsAtZero, exitsAtZeroCount, watermarkMs, heldBackBy, isFinal, provisional, lateEvents } = found;
  return {
    doorways: doorways.map((total) => ({
      doorway_id: total.doorwayId,
      dpu_id: total.dpuId,
      entrances: total.entrances,
      exits: total.exits,
      readings_url: readingsUrl(total, span),
    })),
    exits_at_zero: exitsAtZero.map(({ timestampMs, exits }) => ({ timestamp: formatInstant(timestampMs), exits })),
    exits_at_zero_count: exitsAtZeroCount,
    watermark: instantOrNull(watermarkMs),
    held_back_by: heldBackBy && {
      dpu_id: heldBackBy.dpuId,
      router: heldBackBy.router,
      clock: instantOrNull(heldBackBy.clockMs),
    },
    final: isFinal,
    provisional: { entrances: provisional.entrances, exits: provisional.exits },
    late_events: lateEvents,
    ...(found.isStale ? { stale: true } : {}),
    as_of: formatAsOf(found.asOf),
  };
}

function resetJson({ id, timestampMs, count, recordedMs, setBy, setAtMs }: KnownReset): object {
  return {
    id,
    timestamp: formatInstant(timestampMs),
    count,
    kind: recordedMs === null ? 'daily' : 'manual',
    recorded_at: recordedMs === null ? null : formatInstant(recordedMs),
    set_by: setBy,
    set_at: setAtMs === null ? null : formatInstant(setAtMs),
  };
}

function readingsUrl({ doorwayId, dpuId }: DoorwayTotal, span: readonly string[]): string {
  const filter = [`doorway_id = ${doorwayId}`, `dpu_id = '${dpuId.replaceAll("'", "''")}'`, ...span].join(' and ');
  return `${API_PREFIX}/readings?${new URLSearchParams({ filter }).toString()}`;
}

const TERMS_EXAMPLE = {
  exits_at_zero: [{ timestamp: '2018-02-26T09:12:03.500Z', exits: 2 }],
  exits_at_zero_count: 2,
  watermark: '2018-02-26T15:33:42.120Z',
  held_back_by: { dpu_id: '423', router: 5, clock: '2018-02-26T15:33:47.120Z' },
  final: false,
  provisional: { entrances: 1, exits: 0 },
  late_events: 3,
  as_of: AS_OF_EXAMPLE,
};

export const EXPLANATION_EXAMPLE = {
  space_id: 1,
  timestamp: '2018-02-26T15:34:00.000Z',
  count: 12,
  net: 10,
  drift: 2,
  reset: {
    id: 3,
    timestamp: '2018-02-26T06:00:00.000Z',
    count: 1,
    kind: 'manual',
    recorded_at: '2018-02-26T06:01:10.000Z',
    set_by: 'token:facility',
    set_at: '2018-02-26T06:01:10.000Z',
  },
  doorways: [
    {
      doorway_id: 1,
      dpu_id: '423',
      entrances: 31,
      exits: 22,
      readings_url:
        '/api/v1/readings?filter=doorway_id+%3D+1+and+dpu_id+%3D+%27423%27+and+timestamp+%3E+%272018-02-26T06%3A00%3A00.000Z%27+and+timestamp+%3C%3D+%272018-02-26T15%3A34%3A00.000Z%27',
    },
  ],
  ...TERMS_EXAMPLE,
};
