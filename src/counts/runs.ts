// Segments of a space's events between edges, from history and memory together. There is neither a gap nor an
// overlap: history has the blocks up to n, and the report has everything after them.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import { append, EMPTY_SEGMENT, segmentOf, type Segment } from '../domain/segment.ts';
import { compareEvents } from '../domain/space-event.ts';
import type { DividedRequest, History, HistoryEvent } from '../ports/history.ts';

/** Segments and events that together are everything between the first and the last edge. */
interface SplitRuns {
  /** The edges that were asked for, and the one at which the tail begins. */
  readonly edgesMs: readonly number[];
  /** One segment for each range `(edges[i], edges[i + 1]]`. */
  readonly runs: readonly Segment[];
  /** The events after this instant, in event order. */
  readonly tailAfterMs: number;
  readonly tail: readonly HistoryEvent[];
}

/** Where the runs of a space are divided: ClickHouse aggregates up to the oldest event in memory. */
interface Split {
  readonly report: RunsReport;
  readonly unstored: readonly LoggedEvent[];
  readonly tailAfterMs: number;
  readonly headEdges: readonly number[];
  readonly tailEdges: readonly number[];
}

type RunsReport = Pick<SpaceReport, 'spaceId' | 'storedBlock' | 'unstored'>;

function splitOf(report: RunsReport, edgesMs: readonly number[]): Split {
  const [firstMs, lastMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  const unstored = unstoredIn(report, firstMs, lastMs);
  if (unstored.length === 0) return { report, unstored, tailAfterMs: lastMs, headEdges: edgesMs, tailEdges: [lastMs] };
  const tailAfterMs = unstored.reduce((least, { timestampMs }) => Math.min(least, timestampMs), Infinity) - 1;
  return {
    ...{ report, unstored, tailAfterMs },
    headEdges: [...edgesMs.filter((edge) => edge < tailAfterMs), tailAfterMs],
    tailEdges: [tailAfterMs, ...edgesMs.filter((edge) => edge > tailAfterMs)],
  };
}

/** @param stored the stored events after `tailAfterMs`, which are merged with those in memory */
function joined(split: Split, head: readonly Segment[], stored: readonly HistoryEvent[]): SplitRuns {
  const { unstored, tailAfterMs, headEdges, tailEdges } = split;
  const tail = mergeEvents([...stored, ...unstored.map(historyEventOf)]);
  return {
    edgesMs: [...headEdges, ...tailEdges.slice(1)],
    runs: [...head, ...runsOf(tail, tailEdges)],
    tailAfterMs,
    tail,
  };
}

export async function splitRunsBetween(
  report: SpaceReport,
  edgesMs: readonly number[],
  history: Pick<History, 'segments' | 'events'>,
): Promise<SplitRuns> {
  const split = splitOf(report, edgesMs);
  const { unstored, tailAfterMs, headEdges } = split;
  const { spaceId, storedBlock } = report;
  const [head, stored] = await Promise.all([
    headEdges.length > 1 ? history.segments(spaceId, headEdges, storedBlock) : [],
    unstored.length > 0 ? history.events(spaceId, tailAfterMs, edgesMs.at(-1) ?? 0, storedBlock) : [],
  ]);
  return joined(split, head, stored);
}

/** One segment for each range `(edges[i], edges[i + 1]]`. */
export async function runsBetween(
  report: SpaceReport,
  edgesMs: readonly number[],
  history: Pick<History, 'segments' | 'events'>,
): Promise<Segment[]> {
  return alongEdges(await splitRunsBetween(report, edgesMs, history), edgesMs);
}

/** The same for several spaces, with one query for all segments and one for all events. @returns in the order of the reports */
export async function runsOfSpaces(
  reports: readonly RunsReport[],
  edgesMs: readonly number[],
  history: Pick<History, 'segmentsOfSpaces' | 'eventsOfSpaces'>,
): Promise<Segment[][]> {
  const splits = reports.map((report) => splitOf(report, edgesMs));
  const withTail = splits.filter(({ unstored }) => unstored.length > 0);
  const [heads, tails] = await Promise.all([
    history.segmentsOfSpaces(splits.map(requestOf), edgesMs),
    withTail.length > 0 ? history.eventsOfSpaces(withTail.map(requestOf), edgesMs.at(-1) ?? 0) : NO_EVENTS,
  ]);
  return splits.map((split) => {
    const { spaceId } = split.report;
    const head = heads.get(spaceId) ?? [];
    const segments = split.headEdges.slice(1).map((_, n) => head[n] ?? EMPTY_SEGMENT);
    return alongEdges(joined(split, segments, tails.get(spaceId) ?? []), edgesMs);
  });
}

const NO_EVENTS: ReadonlyMap<SpaceId, readonly HistoryEvent[]> = new Map();

function requestOf({ report: { spaceId, storedBlock }, tailAfterMs }: Split): DividedRequest {
  return { spaceId, block: storedBlock, dividedMs: tailAfterMs };
}

function alongEdges(split: SplitRuns, edgesMs: readonly number[]): Segment[] {
  let at = 0;
  return edgesMs.slice(1).map((edge) => {
    let run = EMPTY_SEGMENT;
    for (let endMs = split.edgesMs[at + 1]; endMs !== undefined && endMs <= edge; endMs = split.edgesMs[++at + 1])
      run = append(run, split.runs[at] ?? EMPTY_SEGMENT);
    return run;
  });
}

/** @param events in event order, all of them after the first edge */
function runsOf(events: readonly HistoryEvent[], edgesMs: readonly number[]): Segment[] {
  let at = 0;
  return edgesMs.slice(1).map((endMs) => {
    let run = EMPTY_SEGMENT;
    for (let event = events[at]; event && event.timestampMs <= endMs; event = events[++at])
      run = append(run, segmentOf(event));
    return run;
  });
}

/** The events in memory with afterMs < timestamp <= upToMs. */
export function unstoredIn(
  { unstored }: Pick<SpaceReport, 'unstored'>,
  afterMs: number,
  upToMs: number,
): LoggedEvent[] {
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
