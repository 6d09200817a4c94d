// Computes the rows that ClickHouse lacks of some readings, or has too many of. Per reading and space, because the row of one
// space may have survived the loss of a log while the row of the other did not.
import type { Partition } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import { loggedEvent, type LoggedEvent } from '../domain/log-entry.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { Passed } from '../domain/measure.ts';
import { readingIdOf, type Reading } from '../domain/reading.ts';
import { isAlike } from '../router/reattribution.ts';
import type { SpaceEvent } from '../domain/space-event.ts';
import { attribute } from '../domain/space-event.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { Claim } from '../ports/recovery.ts';

/**
 * The events that turn the stored rows of some readings into the right ones.
 * @param passedBy who passed by a reading
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
  // Retractions first, as in a move.
  for (const claim of claims) {
    const shouldBe = wanted.some((event) => isAlike(event, claim)) ? 1 : 0;
    for (let { signs } = claim; signs > shouldBe; signs--) events.push(withSign(claim, -1));
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

function withSign({ signs: _, ...claim }: Claim, sign: 1 | -1): SpaceEvent {
  return { ...claim, sign };
}

/** Events by the partition of their space, as rows that come from no commit. */
export function rowsByPartition(events: readonly SpaceEvent[], partitions: number): Map<Partition, LoggedEvent[]> {
  const rows = new Map<Partition, LoggedEvent[]>();
  for (const event of events) addTo(rows, partitionOfSpace(event.spaceId, partitions), loggedEvent(event, 0));
  return rows;
}
