// The counts after each event of a space, read as a client reads them: page by page, each continuing where the last one ended.
import type { CountAfterEvent, CountedPlace, SpaceEvents } from '../../src/counts/space-events.ts';
import type { AsOf } from '../../src/domain/as-of.ts';
import type { TimeRange } from '../../src/domain/filter.ts';
import { countedPlaceOf } from '../../src/http/routes/event-counts-routes.ts';
import type { SpaceOracle } from '../support/oracle.ts';

const PAGE = 4;
const MORE_THAN_ALL = 10_000;

/** Without the basis, which only says how the next page may be computed. */
type Listable = Omit<CountAfterEvent, 'basis'>;

export interface Listed {
  readonly asOf: AsOf;
  readonly total: number;
  readonly events: readonly Listable[];
  /** The same events as one page, the newest first. */
  readonly backwards: readonly Listable[];
}

/** @param places gets the end of each page */
export async function listed(events: SpaceEvents, range: TimeRange, places: CountedPlace[] = []): Promise<Listed> {
  const walked: CountAfterEvent[] = [];
  for (let isLast = false; !isLast;) {
    const page = await events.page({ range, after: places.at(-1) ?? null, desc: false, limit: PAGE });
    walked.push(...page);
    places.push(...page.slice(-1).map(countedPlaceOf));
    isLast = page.length < PAGE;
  }
  const backwards = await events.page({ range, after: null, desc: true, limit: MORE_THAN_ALL });
  return {
    asOf: events.asOf(range.toMs),
    total: await events.total(range),
    events: walked.map(withoutBasis),
    backwards: backwards.map(withoutBasis),
  };
}

function withoutBasis(event: CountAfterEvent): Listable {
  const { spaceId, timestampMs, readingId, entrances, exits, count, net, isFinal } = event;
  return { spaceId, timestampMs, readingId, entrances, exits, count, net, isFinal };
}

export function objectionsToList(
  { total, events, backwards }: Listed,
  range: TimeRange,
  oracle: SpaceOracle,
): string[] {
  const found: string[] = [];
  const [walked, whole] = [JSON.stringify(events), JSON.stringify([...backwards].reverse())];
  if (walked !== whole) found.push(`page by page the events are ${walked}, and on one page ${whole}`);
  if (total !== events.length) found.push(`${total} events are announced, and ${events.length} listed`);
  const sums = { entrances: 0, exits: 0 };
  for (const { entrances, exits } of events) {
    sums.entrances += entrances;
    sums.exits += exits;
  }
  const { entrances, exits } = oracle.interval(range.fromMs, range.toMs + 1);
  if (sums.entrances !== entrances || sums.exits !== exits)
    found.push(`${JSON.stringify(sums)} are listed, the log says ${JSON.stringify({ entrances, exits })}`);
  return found;
}
