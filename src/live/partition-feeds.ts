// The feeds of the partitions that this process runs.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { ShardState } from '../../actors/shard/shard-machine.ts';
import type { Partition } from '../domain/ids.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { ChangeChannel } from '../ports/change-channel.ts';
import { PartitionFeed, type FeedFreshness } from './partition-feed.ts';

/** The part of the shard that a feed uses. */
export interface FeedSource {
  readonly isServing: boolean;
  readonly isOwner: boolean;
  readonly fold: PartitionFold | undefined;
}

export interface PartitionFeedsDeps {
  readonly channel: ChangeChannel;
  readonly now: () => number;
  readonly freshnessOf: (fold: PartitionFold) => FeedFreshness;
  readonly topology: TopologyHistory;
}

export class PartitionFeeds {
  readonly #deps: PartitionFeedsDeps;
  readonly #feeds = new Map<Partition, PartitionFeed>();

  constructor(deps: PartitionFeedsDeps) {
    this.#deps = deps;
  }

  /** Keeps a feed of the partition for as long as its shard runs here. Call it whenever the shard's state changes. */
  follow(partition: Partition, state: ShardState, shard: FeedSource | undefined): void {
    if (state === 'running' || !shard?.isServing) {
      this.#feeds.get(partition)?.close();
      this.#feeds.delete(partition);
    }
    if (state === 'running' && shard?.fold) this.#feeds.set(partition, this.#open(shard.fold, shard));
  }

  #open(fold: PartitionFold, shard: FeedSource): PartitionFeed {
    const { channel, now, freshnessOf, topology } = this.#deps;
    return new PartitionFeed({
      fold,
      channel: answeredByOwner(channel, shard),
      now,
      topology,
      freshness: freshnessOf(fold),
    });
  }
}

/** A shard whose lease has expired must not answer, because another process may own it and have newer state. */
function answeredByOwner(channel: ChangeChannel, shard: FeedSource): ChangeChannel {
  return {
    publish: (k, batch) => channel.publish(k, batch),
    subscribe: (k, onBatch) => channel.subscribe(k, onBatch),
    serve: (k, answer) =>
      channel.serve(k, async (question) => {
        const found = shard.isOwner ? await answer(question) : undefined;
        // It may have expired meanwhile.
        return shard.isOwner ? found : undefined;
      }),
    ask: (k, question) => channel.ask(k, question),
  };
}
