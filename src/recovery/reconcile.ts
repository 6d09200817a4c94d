// Computes the events that make the stored rows of readings agree with the topology, after a log lost commits. Works
// per reading and space, because a reading's row in one space may have been stored while its row in the other was
// lost.
import type { Partition } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import { loggedEvent, type LoggedEvent } from '../domain/log-entry.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { Passed } from '../domain/measure.ts';
import { readingIdOf, type Reading } from '../domain/reading.ts';
import { isAlike } from '../domain/topology-change.ts';
import type { SpaceEvent } from '../domain/space-event.ts';
import { attribute } from '../domain/space-event.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { Claim } from '../ports/recovery.ts';

/**
 * The events to store so that each reading has exactly the rows required by the topology.
 * @param passedBy returns who passed according to a reading
 */
export function eventsToReconcile(
  readings: readonly Reading[],
  claims: readonly Claim[],
  viewOf: (reading: Reading) => TopologyView,
  passedBy: (reading: Reading) => Passed,
): SpaceEvent[] {
  const stored = new Map<string, Claim[]>();
  for (const claim of claims) addTo(stored, readingIdOf(claim), claim);
  return readings.flatMap((reading) =>
    eventsOf(attribute(viewOf(reading), reading, passedBy(reading), 1), stored.get(readingIdOf(reading)) ?? []),
  );
}

function eventsOf(wanted: readonly SpaceEvent[], claims: readonly Claim[]): SpaceEvent[] {
  const events: SpaceEvent[] = [];
  // Retractions come first, as in a move.
  for (const claim of claims) {
    const expected = wanted.some((event) => isAlike(event, claim)) ? 1 : 0;
    for (let { signs } = claim; signs > expected; signs--) events.push(withSign(claim, -1));
  }
  for (const event of wanted) {
    const claim = claims.find((some) => isAlike(event, some));
    for (let signs = claim?.signs ?? 0; signs < 1; signs++) events.push(event);
  }
  for (const claim of claims) {
    if (wanted.some((event) => isAlike(event, claim))) continue;
    for (let { signs } = claim; signs < 0; signs++) events.push(withSign(claim, 1));
  }
  return events;
}

function withSign(claim: Claim, sign: 1 | -1): SpaceEvent {
  const { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, primary } = claim;
  const event = { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, primary, sign };
  if (claim.name === undefined) return event;
  return claim.hasPreviousId ? { ...event, name: claim.name, hasPreviousId: true } : { ...event, name: claim.name };
}

/** Groups events by the partition of their space, as rows that belong to no commit (sequence 0). */
export function rowsByPartition(events: readonly SpaceEvent[], partitions: number): Map<Partition, LoggedEvent[]> {
  const rows = new Map<Partition, LoggedEvent[]>();
  for (const event of events) addTo(rows, partitionOfSpace(event.spaceId, partitions), loggedEvent(event, 0));
  return rows;
}
