// A subscriber's position in the feed of each partition that it follows. A client sends its text form back to
// continue where it stopped.
import type { Partition } from '../domain/ids.ts';
import type { FeedPlace } from './feed-message.ts';

export type PlaceVector = ReadonlyMap<Partition, FeedPlace>;

const PART = /^(\d{1,3})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/;

/** `<partition>.<epoch>.<n>`, the last two in base 36. */
export function formatFeedPlace(partition: Partition, { epoch, n }: FeedPlace): string {
  return `${partition}.${epoch.toString(36)}.${n.toString(36)}`;
}

export function joinFeedPlaces(parts: readonly string[]): string {
  return parts.join('_');
}

/**
 * @returns undefined for any other text; the client then starts over
 */
export function parseFeedPlaces(text: string): PlaceVector | undefined {
  const places = new Map<Partition, FeedPlace>();
  for (const part of text.split('_')) {
    const match = PART.exec(part);
    if (!match) return undefined;
    places.set(Number(match[1]) as Partition, { epoch: parseInt(match[2] ?? '', 36), n: parseInt(match[3] ?? '', 36) });
  }
  return places;
}
