import type { FeedFreshness } from '../../src/live/partition-feed.ts';

/** No count is ever stale. */
export const ALWAYS_FRESH: FeedFreshness = {
  learn: async () => Promise.resolve(),
  look: () => false,
  isStale: () => false,
  forget: () => undefined,
};
