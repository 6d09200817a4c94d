// Where a partition's rows count some readings, for a rebuild.
import type { StoredClaim } from '../../../actors/partition/log-tail.ts';
import type { Partition, SpaceId } from '../../../src/domain/ids.ts';
import { isKnownAt, type LogPlace } from '../../../src/domain/log-place.ts';
import type { EventPlace } from '../../../src/domain/space-event.ts';
import type { Row } from './memory-history.ts';

export function claimsAt(
  rows: readonly Row[],
  partition: Partition,
  places: readonly (EventPlace & { readonly spaceId: SpaceId })[],
): StoredClaim[] {
  const wanted = new Set(places.map(({ spaceId, timestampMs, readingId }) => `${spaceId} ${timestampMs} ${readingId}`));
  const claims = new Map<string, StoredClaim>();
  for (const row of rows) {
    const { spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary, epoch, commitSeq } = row;
    const place = `${spaceId} ${timestampMs} ${readingId}`;
    if (row.partition !== partition || !wanted.has(place)) continue;
    const key = [place, doorwayId, entrances, exits, isEgress, primary].join(' ');
    const before = claims.get(key);
    claims.set(key, {
      ...{ spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary },
      signs: (before?.signs ?? 0) + row.sign,
      last: laterOf(before?.last, { epoch, seq: commitSeq }),
    });
  }
  return [...claims.values()];
}

function laterOf(a: LogPlace | undefined, b: LogPlace): LogPlace {
  return a && isKnownAt(b, a) ? a : b;
}
