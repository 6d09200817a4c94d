// Which readings a dry run has to read. Deleting a standing also changes what the next standing counts, however much later that is, so
// the spans of a topology change have no end. A dry run looks up the standings on either side instead.
import { Failure } from '../domain/failure.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { greatest, least } from '../domain/lists.ts';
import type { Span } from '../domain/placement.ts';
import { readingOfIdentity, type Reading } from '../domain/reading.ts';
import { seriesKindOf } from '../domain/series.ts';
import type { TopologyChange } from '../domain/topology-change.ts';
import type { SingleFact } from '../domain/topology.ts';
import type { History } from '../ports/history.ts';

type Stored = Pick<History, 'neighbours'>;
type Views = Pick<TopologyChange, 'before' | 'after'>;

/** How many deleted neighbours in a row to pass over. Each takes a query. */
const PASSED_OVER_MAX = 1_000;

/**
 * The span of the readings to read from history. Unstored readings are all in memory; a standing outside the span must not be
 * recomputed, because its predecessor may be unknown.
 * @returns undefined if no reading is affected
 * @throws Failure invalid if too many deleted standings follow one another
 */
export async function claimedSpan(
  change: TopologyChange,
  facts: readonly SingleFact[],
  history: Stored,
): Promise<Span | undefined> {
  const spans: Span[] = [];
  const deleted = new Set<string>();
  for (const fact of facts) {
    const reading = fact.kind === 'deletion' ? readingOfIdentity(fact.doc.readingId) : undefined;
    if (!reading) continue;
    deleted.add(reading.dpuId);
    spans.push(await aroundReading(reading, change, history));
  }
  for (const [dpuId, some] of change.spans) if (!deleted.has(dpuId)) spans.push(...some);
  const [fromMs, toMs] = [least(spans.map((span) => span.fromMs)), greatest(spans.map((span) => span.toMs))];
  return fromMs === undefined || toMs === undefined ? undefined : { fromMs, toMs };
}

async function aroundReading(reading: Reading, views: Views, history: Stored): Promise<Span> {
  const { timestampMs } = reading;
  if (seriesKindOf(reading.measure) !== 'standings') return { fromMs: timestampMs, toMs: timestampMs + 1 };
  const beside = await standingsAround(reading, timestampMs, history);
  const [before, after] = await Promise.all([
    nearest(reading, -1, beside, views, history),
    nearest(reading, 1, beside, views, history),
  ]);
  return { fromMs: before ?? BEGINNING_MS, toMs: after === undefined ? END_MS : after + 1 };
}

/**
 * The nearest instant with a stored standing that is not deleted.
 * @param direction 1 looks after the reading, -1 before it
 * @param beside the standings around the reading
 */
async function nearest(
  reading: Reading,
  direction: 1 | -1,
  beside: readonly Reading[],
  views: Views,
  history: Stored,
): Promise<number | undefined> {
  const isDeleted = (other: Reading): boolean => views.before.isDeleted(other) || views.after.isDeleted(other);
  let [atMs, around] = [reading.timestampMs, beside];
  for (let passed = 0; passed < PASSED_OVER_MAX; passed++) {
    const beyond = around.filter(({ timestampMs }) => (timestampMs - atMs) * direction > 0);
    const times = beyond.map(({ timestampMs }) => timestampMs);
    const nextMs = direction === 1 ? least(times) : greatest(times);
    if (nextMs === undefined) return undefined;
    if (beyond.some((other) => other.timestampMs === nextMs && !isDeleted(other))) return nextMs;
    atMs = nextMs;
    around = await standingsAround(reading, atMs, history);
  }
  throw new Failure(
    'invalid',
    `more than ${PASSED_OVER_MAX.toLocaleString('en')} deleted readings follow one another here, and a dry run looks at no more`,
    { field: 'dry_run' },
  );
}

async function standingsAround({ dpuId }: Reading, atMs: number, history: Stored): Promise<Reading[]> {
  const found = await history.neighbours([{ dpuId, timestampMs: atMs, kind: 'standings' }]);
  return found.filter((other) => seriesKindOf(other.measure) === 'standings');
}
