// What ClickHouse says of claims, on rows in memory.
import type { StoredClaim } from '../../../actors/partition/log-tail.ts';
import type { Partition, SpaceId } from '../../../src/domain/ids.ts';
import type { EventPlace } from '../../../src/domain/space-event.ts';
import type { ClaimsQuery, DpuClaim } from '../../../src/ports/history.ts';
import { loggedEvent } from '../../../src/domain/log-entry.ts';
import type { Row } from './memory-history.ts';

/** @param rows of the space that is asked for */
export function claimsOfRows(
  rows: readonly Row[],
  { block, dpuIds, fromMs, toMs, limit }: Omit<ClaimsQuery, 'spaceId'>,
): DpuClaim[] {
  const claims = new Map<string, { event: DpuClaim['event']; signs: number }>();
  for (const row of rows) {
    if (row.block > block || row.timestampMs < fromMs || row.timestampMs >= toMs || !dpuIds.includes(row.dpuId))
      continue;
    const { readingId, timestampMs, doorwayId, entrances, exits, isEgress, primary } = row;
    const key = [readingId, timestampMs, doorwayId, entrances, exits, isEgress, primary].join(' ');
    const claim = claims.get(key) ?? { event: loggedEvent({ ...row, sign: 1 }, 0), signs: 0 };
    claims.set(key, claim);
    claim.signs += row.sign;
  }
  return [...claims.values()].filter(({ signs }) => signs !== 0).slice(0, limit);
}

/** The net rows of some readings in a partition, each looked up in one space. */
export function claimsAtPlaces(
  rows: readonly Row[],
  partition: Partition,
  places: readonly (EventPlace & { readonly spaceId: SpaceId })[],
): StoredClaim[] {
  const wanted = new Set(places.map(({ spaceId, timestampMs, readingId }) => `${spaceId} ${timestampMs} ${readingId}`));
  const claims = new Map<string, StoredClaim>();
  for (const row of rows) {
    const { spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary, sign } = row;
    const place = `${spaceId} ${timestampMs} ${readingId}`;
    if (row.partition !== partition || !wanted.has(place)) continue;
    const key = [place, doorwayId, entrances, exits, isEgress, primary].join(' ');
    const signs = (claims.get(key)?.signs ?? 0) + sign;
    claims.set(key, { spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary, signs });
  }
  return [...claims.values()];
}
