// The subscribers of this process, and the relays that feed them. The cost of a change is proportional to its listeners; an
// idle subscriber costs only memory.
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import { allPartitions, partitionOfSpace } from '../domain/partition.ts';
import type { ChangeChannel } from '../ports/change-channel.ts';
import { NO_PLACE, type FeedItem, type FeedPlace } from './feed-message.ts';
import { PartitionRelay, type RelayListener } from './partition-relay.ts';
import { formatFeedPlace, joinFeedPlaces, type PlaceVector } from './place-vector.ts';
import { eventOf, Subscriber, type LiveEvent, type LiveSink } from './subscriber.ts';

export interface LiveCountsOptions {
  readonly partitions: number;
  readonly subscribersMax: number;
  /** False for spaces that were deleted. */
  readonly exists: (spaceId: SpaceId) => boolean;
}

export interface Subscription {
  /** Sends events to a sink, beginning with those since `subscribe`. */
  open(sink: LiveSink): void;
  /** The subscriber's position; undefined while events are waiting for it. */
  place(): string | undefined;
  /** The sink accepts events again. */
  drained(): void;
  /** May be called twice. */
  close(): void;
}

interface Followed {
  readonly relay: PartitionRelay;
  readonly bySpace: Map<SpaceId, Set<Subscriber>>;
  readonly ofAll: Set<Subscriber>;
  users: number;
  /**
   * The relay's position and its text. Every event carries the positions of all partitions, but only one of them has
   * changed.
   */
  placed: { readonly place: FeedPlace; readonly text: string } | undefined;
}

export class LiveCounts {
  readonly #channel: ChangeChannel;
  readonly #options: LiveCountsOptions;
  readonly #followed = new Map<Partition, Followed>();
  readonly #subscribers = new Set<Subscriber>();
  #isStopped = false;
  readonly #listener: RelayListener = {
    item: (partition, item) => this.#pass(partition, item),
    renewed: (partition) => this.#replace(partition, 'snapshot'),
    stale: (partition) => this.#replace(partition, 'change'),
  };

  constructor(channel: ChangeChannel, options: LiveCountsOptions) {
    this.#channel = channel;
    this.#options = options;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /**
   * The count of each space, or what the subscriber has missed since `after`, and then every change.
   * @param spaceIds null: all spaces, including future ones
   * @throws Failure unavailable
   */
  async subscribe(spaceIds: readonly SpaceId[] | null, after: PlaceVector | undefined): Promise<Subscription> {
    if (this.#isStopped || this.#subscribers.size >= this.#options.subscribersMax) {
      throw new Failure('unavailable', 'this process has the maximum number of subscribers', { retryAfterSeconds: 5 });
    }
    const byPartition = this.#byPartition(spaceIds);
    const partitions = [...byPartition.keys()];
    for (const partition of partitions) this.#follow(partition).users += 1;
    const subscriber = new Subscriber(spaceIds && new Set(spaceIds), () =>
      joinFeedPlaces(partitions.map((k) => this.#placeText(k))),
    );
    // Counted from now on, so that many concurrent requests do not exceed the limit.
    this.#subscribers.add(subscriber);
    try {
      await Promise.all([...byPartition].map(([k, ids]) => this.#follow(k).relay.watch(ids, after?.get(k))));
      if (this.#isStopped) throw new Failure('unavailable', 'the service is stopping', { retryAfterSeconds: 1 });
    } catch (error) {
      this.#forget(subscriber, byPartition);
      throw error;
    }
    // No await from here on, so that no item arrives between the first events and the changes.
    const beginning = partitions.flatMap((k) => this.#beginning(k, subscriber.spaceIds, after?.get(k)));
    for (const [k, ids] of byPartition) this.#attach(subscriber, k, ids);
    subscriber.begin(beginning);
    return {
      open: (sink) => subscriber.open(sink),
      drained: () => subscriber.drained(),
      place: () => subscriber.place,
      close: () => this.#forget(subscriber, byPartition),
    };
  }

  /** Ends every subscription. May be called twice. */
  stop(): void {
    this.#isStopped = true;
    for (const subscriber of [...this.#subscribers]) subscriber.end();
    for (const { relay } of this.#followed.values()) relay.close();
    this.#followed.clear();
  }

  #byPartition(spaceIds: readonly SpaceId[] | null): Map<Partition, SpaceId[] | null> {
    const { partitions } = this.#options;
    if (spaceIds === null) return new Map(allPartitions(partitions).map((partition) => [partition, null]));
    const byPartition = new Map<Partition, SpaceId[]>();
    for (const spaceId of spaceIds) addTo(byPartition, partitionOfSpace(spaceId, partitions), spaceId);
    return byPartition;
  }

  #follow(partition: Partition): Followed {
    let followed = this.#followed.get(partition);
    if (!followed) {
      followed = {
        relay: new PartitionRelay(partition, this.#channel, this.#listener),
        bySpace: new Map(),
        ofAll: new Set(),
        users: 0,
        placed: undefined,
      };
      this.#followed.set(partition, followed);
    }
    return followed;
  }

  #placeText(partition: Partition): string {
    const followed = this.#followed.get(partition);
    if (!followed) return formatFeedPlace(partition, NO_PLACE);
    const { place } = followed.relay;
    if (followed.placed?.place.n !== place.n || followed.placed.place.epoch !== place.epoch)
      followed.placed = { place, text: formatFeedPlace(partition, place) };
    return followed.placed.text;
  }

  #attach(subscriber: Subscriber, partition: Partition, spaceIds: readonly SpaceId[] | null): void {
    const followed = this.#follow(partition);
    if (spaceIds === null) followed.ofAll.add(subscriber);
    for (const spaceId of spaceIds ?? []) {
      const others = followed.bySpace.get(spaceId);
      if (others) others.add(subscriber);
      else followed.bySpace.set(spaceId, new Set([subscriber]));
    }
  }

  #forget(subscriber: Subscriber, byPartition: ReadonlyMap<Partition, readonly SpaceId[] | null>): void {
    if (!this.#subscribers.delete(subscriber)) return;
    for (const [partition, spaceIds] of byPartition) {
      const followed = this.#followed.get(partition);
      if (!followed) continue;
      followed.ofAll.delete(subscriber);
      for (const spaceId of spaceIds ?? []) {
        const others = followed.bySpace.get(spaceId);
        others?.delete(subscriber);
        if (others?.size === 0) followed.bySpace.delete(spaceId);
      }
      followed.users -= 1;
      if (followed.users > 0) continue;
      followed.relay.close();
      this.#followed.delete(partition);
    }
  }

  /** The items after a position, if all of them are known; otherwise the count of each space. */
  #beginning(partition: Partition, spaceIds: ReadonlySet<SpaceId> | null, after: FeedPlace | undefined): LiveEvent[] {
    const { relay } = this.#follow(partition);
    // The relay may have lost the owner since `watch`, and no item says so.
    if (!after || relay.isStale) return this.#snapshots(partition, spaceIds);
    const missed = relay.itemsAfter(after);
    const isGapless =
      missed && this.#spacesOf(partition, spaceIds).every((spaceId) => relay.isGapless(spaceId, after.n));
    if (!isGapless) return this.#snapshots(partition, spaceIds);
    return missed
      .filter(({ spaceId }) => (spaceIds?.has(spaceId) ?? true) && this.#options.exists(spaceId))
      .map(eventOf);
  }

  #snapshots(partition: Partition, spaceIds: ReadonlySet<SpaceId> | null): LiveEvent[] {
    return this.#countEvents(partition, spaceIds, 'snapshot');
  }

  /** The count of each known space. A change here says that the partition has no owner, and is not an item of the feed. */
  #countEvents(partition: Partition, spaceIds: ReadonlySet<SpaceId> | null, kind: 'snapshot' | 'change'): LiveEvent[] {
    const { relay } = this.#follow(partition);
    return this.#spacesOf(partition, spaceIds).flatMap((spaceId) => {
      const item = relay.count(spaceId);
      return item ? [kind === 'change' ? { kind, item, startsOver: true } : { kind, item }] : [];
    });
  }

  /** Sends the count of each space to all subscribers. */
  #replace(partition: Partition, kind: 'snapshot' | 'change'): void {
    const followed = this.#followed.get(partition);
    if (!followed) return;
    // Built once: there may be 50,000 spaces, and 1,000 subscribers to all of them.
    const events = followed.ofAll.size > 0 ? this.#countEvents(partition, null, kind) : [];
    for (const subscriber of followed.ofAll) subscriber.offerAll(events);
    for (const subscriber of new Set([...followed.bySpace.values()].flatMap((some) => [...some])))
      subscriber.offerAll(this.#countEvents(partition, subscriber.spaceIds, kind));
  }

  #spacesOf(partition: Partition, spaceIds: ReadonlySet<SpaceId> | null): SpaceId[] {
    const ids = spaceIds === null ? [...this.#follow(partition).relay.spaceIds] : [...spaceIds];
    return ids.filter(
      (spaceId) => partitionOfSpace(spaceId, this.#options.partitions) === partition && this.#options.exists(spaceId),
    );
  }

  #pass(partition: Partition, item: FeedItem): void {
    const followed = this.#followed.get(partition);
    if (!followed || !this.#options.exists(item.spaceId)) return;
    const event = eventOf(item);
    for (const subscriber of followed.bySpace.get(item.spaceId) ?? []) subscriber.offer(event);
    for (const subscriber of followed.ofAll) subscriber.offer(event);
  }
}
