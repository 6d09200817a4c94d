// Deliberate bugs in what the live stream says of how up to date a count is.
import { mutant, type Mutant } from './mutant.ts';

const [FEED, LISTENERS, FRESHNESS] = [
  'test/unit/partition-feed.test.ts',
  'test/unit/live-counts.test.ts',
  'test/unit/freshness.test.ts',
];

export const LIVE_MUTANTS: readonly Mutant[] = [
  mutant(
    'a client without an owner resumes where it was',
    'return this.#isStale ? NO_PLACE : this.#feedPlace;',
    'return this.#feedPlace;',
    LISTENERS,
  ),
  mutant(
    'a client that comes back is not told that the owner was lost meanwhile',
    'if (!after || relay.isStale) return this.#snapshots(partition, spaceIds);',
    'if (!after) return this.#snapshots(partition, spaceIds);',
    LISTENERS,
  ),
  mutant(
    'counts without an owner are not stale',
    'watched.count = { ...watched.count, isStale: true };',
    'watched.count = { ...watched.count };',
    LISTENERS,
  ),
  mutant(
    'the first answer of a feed does not wait until it is known what is behind',
    'if (!isRenewal) await this.#freshness.learn();',
    '',
    FEED,
  ),
  mutant(
    'a change that is held back holds back that its count is stale',
    'return becameStale ? { ...published, isStale: true } : undefined;',
    'return undefined;',
    FEED,
  ),
  mutant(
    'a change that is held back is told only when history has answered',
    'for (const spaceId of this.#heldBack.due(nowMs)) this.touched(spaceId);',
    '',
    FEED,
  ),
  mutant('that a count has become stale is no change', '    a.isStale === b.isStale', '    true', FEED),
  mutant(
    'a fold that nobody has looked at is fresh',
    'before[index] === false\n',
    'before[index] !== undefined || nowMs > 0\n',
    FRESHNESS,
  ),
  mutant(
    'a space is fresh although one of its routers is behind',
    'return events || this.#fold.routersOf(spaceId).some((router) => routers[router] ?? true);',
    'return events;',
    FRESHNESS,
  ),
];
