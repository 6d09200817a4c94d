// Segments of a space's events between edges, from history and memory together. There is neither a gap nor an
// overlap: history has the blocks up to n, and the report has everything after them.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import { append, EMPTY_SEGMENT, segmentOf, type Segment } from '../domain/segment.ts';
import { compareEvents } from '../domain/space-event.ts';
import type { History, HistoryEvent } from '../ports/history.ts';

/**
 * One segment for each range `(edges[i], edges[i + 1]]`. ClickHouse aggregates up to the oldest event in memory; from
 * there on, stored events are fetched and merged with those in memory.
 */
export async function runsBetween(
  report: SpaceReport,
  edgesMs: readonly number[],
  history: History,
): Promise<Segment[]> {
  const [firstMs, lastMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  const unstored = unstoredIn(report, firstMs, lastMs);
  if (unstored.length === 0) return history.segments(report.spaceId, edgesMs, report.storedBlock);
  const splitMs = unstored.reduce((least, { timestampMs }) => Math.min(least, timestampMs), Infinity) - 1;
  const headEdges = [...edgesMs.filter((edge) => edge < splitMs), splitMs];
  const [head, stored] = await Promise.all([
    headEdges.length > 1 ? history.segments(report.spaceId, headEdges, report.storedBlock) : [],
    history.events(report.spaceId, splitMs, lastMs, report.storedBlock),
  ]);
  const tail = mergeEvents([...stored, ...unstored.map(historyEventOf)]);
  let at = 0;
  return edgesMs.slice(0, -1).map((_, gap) => {
    const endMs = edgesMs[gap + 1] ?? lastMs;
    let run = head[gap] ?? EMPTY_SEGMENT;
    for (let event = tail[at]; event && event.timestampMs <= endMs; event = tail[++at])
      run = append(run, segmentOf(event));
    return run;
  });
}

/** The events in memory with afterMs < timestamp <= upToMs. */
export function unstoredIn({ unstored }: SpaceReport, afterMs: number, upToMs: number): LoggedEvent[] {
  return unstored.filter(({ timestampMs }) => timestampMs > afterMs && timestampMs <= upToMs);
}

export function historyEventOf({ timestampMs, readingId, entrances, exits, sign }: LoggedEvent): HistoryEvent {
  return { timestampMs, readingId, entrances, exits, sign };
}

/** In event order, with assertions and retractions of one event cancelled out; without events that no one passed in. */
export function mergeEvents(events: readonly HistoryEvent[]): HistoryEvent[] {
  const merged = new Map<string, { event: HistoryEvent; entrances: number; exits: number }>();
  for (const event of events) {
    const key = `${event.timestampMs} ${event.readingId}`;
    let sums = merged.get(key);
    if (!sums) merged.set(key, (sums = { event, entrances: 0, exits: 0 }));
    sums.entrances += event.entrances * event.sign;
    sums.exits += event.exits * event.sign;
  }
  return [...merged.values()]
    .filter(({ entrances, exits }) => entrances !== 0 || exits !== 0)
    .map(({ event, entrances, exits }): HistoryEvent => ({ ...event, entrances, exits, sign: 1 }))
    .sort(compareEvents);
}
