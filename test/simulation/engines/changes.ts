// What ClickHouse sums up of what has changed in a space, on rows in memory.
import { ARRIVED, OTHERS } from '../../../src/domain/commit-causes.ts';
import { isKnownAt } from '../../../src/domain/log-place.ts';
import type { ChangedTotal, ChangesQuery } from '../../../src/ports/history.ts';
import { compare } from './compare.ts';
import type { Row } from './memory-history.ts';

/** @param rows of the space that is asked for */
export function changesSince(rows: readonly Row[], query: ChangesQuery): ChangedTotal[] {
  const totals = new Map<string, ChangedTotal>();
  for (const row of rows) {
    const { timestampMs: at, sign, cause, epoch, commitSeq } = row;
    if (row.block > query.block || isKnownAt({ epoch, seq: commitSeq }, query.since)) continue;
    if (at <= Math.min(query.fromMs - 1, query.netAfterMs) || at >= query.toMs) continue;
    const isLate = cause === ARRIVED && at <= query.watermarkMs;
    const isNew = cause === ARRIVED && !isLate;
    add(totals, {
      cause,
      isLate,
      doorwayId: isNew || row.doorwayId === 0 ? null : row.doorwayId,
      dpuId: isNew ? null : row.dpuId,
      entrances: at >= query.fromMs ? sign * row.entrances : 0,
      exits: at >= query.fromMs ? sign * row.exits : 0,
      net: at > query.netAfterMs ? sign * (row.entrances - row.exits) : 0,
      asserted: sign > 0 ? 1 : 0,
      retracted: sign > 0 ? 0 : 1,
      firstMs: at,
      lastMs: at,
    });
  }
  const sizeOf = ({ entrances, exits, net }: ChangedTotal): number =>
    Math.abs(entrances) + Math.abs(exits) + Math.abs(net);
  const placeOf = (total: ChangedTotal): [number, string, number, number, string] => [
    -sizeOf(total),
    total.cause,
    total.isLate ? 1 : 0,
    total.doorwayId ?? 0,
    total.dpuId ?? '',
  ];
  const sorted = [...totals.values()].sort((a, b) => compare(placeOf(a), placeOf(b)));
  const listed = new Map<string, ChangedTotal>();
  for (const [n, total] of sorted.entries())
    add(listed, n < query.limit ? total : { ...total, cause: OTHERS, isLate: false, doorwayId: null, dpuId: null });
  return [...listed.values()];
}

function add(totals: Map<string, ChangedTotal>, more: ChangedTotal): void {
  const key = JSON.stringify([more.cause, more.isLate, more.doorwayId, more.dpuId]);
  const before = totals.get(key);
  totals.set(key, {
    ...more,
    entrances: (before?.entrances ?? 0) + more.entrances,
    exits: (before?.exits ?? 0) + more.exits,
    net: (before?.net ?? 0) + more.net,
    asserted: (before?.asserted ?? 0) + more.asserted,
    retracted: (before?.retracted ?? 0) + more.retracted,
    firstMs: Math.min(before?.firstMs ?? Infinity, more.firstMs),
    lastMs: Math.max(before?.lastMs ?? -Infinity, more.lastMs),
  });
}
