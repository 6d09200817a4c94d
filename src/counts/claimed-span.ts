// The span of the readings that a dry run has to know. For a deletion of a standing, the change of the topology lasts for ever,
// because the next standing may be years away; a dry run looks for it, and for the one before, which is its new base.
import { Failure } from '../domain/failure.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import type { Span } from '../domain/placement.ts';
import { readingOfIdentity, type Reading } from '../domain/reading.ts';
import { seriesKeyOf, seriesKindOf } from '../domain/series.ts';
import type { TopologyChange } from '../domain/topology-change.ts';
import type { SingleFact } from '../domain/topology.ts';
import type { History } from '../ports/history.ts';

type Stored = Pick<History, 'neighbours'>;
type Views = Pick<TopologyChange, 'before' | 'after'>;

/** Of many deleted neighbours in a row, at most this many are passed over; each takes a query. */
const PASSED_OVER_MAX = 1_000;

/**
 * A dry run knows all readings that are not stored yet, also those outside. A standing outside may have its predecessor there, so what
 * it counts is not known.
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
  if (spans.length === 0) return undefined;
  return {
    fromMs: spans.reduce((least, { fromMs }) => Math.min(least, fromMs), Infinity),
    toMs: spans.reduce((greatest, { toMs }) => Math.max(greatest, toMs), BEGINNING_MS),
  };
}

async function aroundReading(reading: Reading, views: Views, history: Stored): Promise<Span> {
  const { timestampMs } = reading;
  const isStanding = seriesKindOf(reading.measure) === 'standings';
  if (!isStanding) return { fromMs: timestampMs, toMs: timestampMs + 1 };
  const [before, after] = await Promise.all([
    neighbour(reading, -1, views, history),
    neighbour(reading, 1, views, history),
  ]);
  return { fromMs: before ?? BEGINNING_MS, toMs: after === undefined ? END_MS : after + 1 };
}

/** @param direction 1 looks for the next stored instant of the series, -1 for the previous one */
async function neighbour(
  reading: Reading,
  direction: 1 | -1,
  views: Views,
  history: Stored,
): Promise<number | undefined> {
  const { dpuId } = reading;
  const isDeleted = (other: Reading): boolean => views.before.isDeleted(other) || views.after.isDeleted(other);
  let at = reading.timestampMs;
  for (let passed = 0; passed < PASSED_OVER_MAX; passed++) {
    const found = await history.neighbours([{ dpuId, timestampMs: at, kind: 'standings' }]);
    const beyond = found.filter(
      (other) => seriesKeyOf(other) === seriesKeyOf(reading) && (other.timestampMs - at) * direction > 0,
    );
    if (beyond.length === 0) return undefined;
    const nearest = beyond.map(({ timestampMs }) => timestampMs).reduce((a, b) => ((a - b) * direction < 0 ? a : b));
    if (beyond.some((other) => other.timestampMs === nearest && !isDeleted(other))) return nearest;
    at = nearest;
  }
  throw new Failure(
    'invalid',
    `more than ${PASSED_OVER_MAX.toLocaleString('en')} deleted readings follow one another here, and a dry run looks at no more`,
    { field: 'dry_run' },
  );
}
