// Whatever messages are lost and whoever owns a partition, a subscriber ends up with the owner's state; and unless it
// is told to resynchronise, it gets every item once.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { FeedAnswer, FeedItem, LiveCount } from '../../src/live/feed-message.ts';
import { LiveCounts, type Subscription } from '../../src/live/live-counts.ts';
import { parseFeedPlaces } from '../../src/live/place-vector.ts';
import type { LiveEvent, LiveSink } from '../../src/live/subscriber.ts';
import { MemoryChangeChannel } from '../support/memory-change-channel.ts';

const K = 0 as Partition;
const SPACES = [1, 2, 3].map((id) => id as SpaceId);

/** An owner that keeps all items of its epoch. */
class Owner {
  readonly items: FeedItem[] = [];
  readonly counts: Map<SpaceId, number>;
  readonly epoch: number;
  readonly #channel: MemoryChangeChannel;
  readonly stop: () => void;
  /** How far back it answers. */
  kept = Infinity;

  constructor(channel: MemoryChangeChannel, epoch: number, counts: ReadonlyMap<SpaceId, number>) {
    this.#channel = channel;
    this.epoch = epoch;
    this.counts = new Map(counts);
    this.stop = channel.serve(K, ({ after, isRenewal }): FeedAnswer => ({
      epoch,
      n: this.items.length,
      counts: isRenewal ? [] : SPACES.map((id) => ({ count: this.#count(id), since: 0 })),
      items: after?.epoch === epoch && this.items.length - after.n <= this.kept ? this.items.slice(after.n) : [],
    }));
    channel.publish(K, { epoch, first: 1, items: [] });
  }

  change(spaceId: SpaceId): void {
    this.counts.set(spaceId, (this.counts.get(spaceId) ?? 0) + 1);
    this.items.push(this.#count(spaceId));
    this.#channel.publish(K, { epoch: this.epoch, first: this.items.length, items: this.items.slice(-1) });
  }

  #count(spaceId: SpaceId): LiveCount {
    const count = this.counts.get(spaceId) ?? 0;
    return {
      kind: 'count',
      spaceId,
      seq: this.items.length,
      timestampMs: 0,
      count,
      net: count,
      lastReadingMs: 0,
      watermarkMs: 0,
      isSettled: true,
    };
  }
}

class Client implements LiveSink {
  readonly known = new Map<SpaceId, number>();
  readonly events: LiveEvent[] = [];
  id: string | undefined;
  subscription: Subscription | undefined;

  write(event: LiveEvent, id: string | undefined): boolean {
    this.events.push(event);
    if (id !== undefined) this.id = id;
    if (event.kind === 'snapshot') this.known.set(event.item.spaceId, event.item.count);
    if (event.kind === 'change') {
      // Every change is one person here: a gap or a repetition would not be the next number.
      expect(event.item.count).toBe((this.known.get(event.item.spaceId) ?? NaN) + 1);
      this.known.set(event.item.spaceId, event.item.count);
    }
    return true;
  }

  end(): void {
    this.subscription = undefined;
  }

  async connect(live: LiveCounts): Promise<void> {
    this.subscription = await live.subscribe(SPACES, this.id === undefined ? undefined : parseFeedPlaces(this.id));
    this.subscription.open(this);
  }

  disconnect(): void {
    this.subscription?.close();
    this.subscription = undefined;
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...SPACES).map((spaceId) => ({ kind: 'change', spaceId }) as const) },
  fc.boolean().map((isLost) => ({ kind: 'lose', isLost }) as const),
  fc.constantFrom(
    { kind: 'disconnect' } as const,
    { kind: 'connect' } as const,
    { kind: 'newOwner' } as const,
    { kind: 'forget' } as const,
    { kind: 'yield' } as const,
  ),
);

describe('live counts', () => {
  it('converge without a gap or a repetition through message loss, new owners and reconnects', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const channel = new MemoryChangeChannel();
        const live = new LiveCounts(channel, { partitions: 1, subscribersMax: 10, exists: () => true });
        let owner = new Owner(channel, 1, new Map());
        const [client, other] = [new Client(), new Client()];
        await other.connect(live);
        for (const { kind, ...detail } of steps) {
          if (kind === 'change') owner.change((detail as { spaceId: SpaceId }).spaceId);
          if (kind === 'lose') channel.isLost = (detail as { isLost: boolean }).isLost;
          if (kind === 'disconnect') client.disconnect();
          if (kind === 'connect' && !client.subscription) {
            const connected = client.connect(live);
            owner.change(SPACES[0] as SpaceId);
            await connected;
          }
          if (kind === 'forget') owner.kept = 0;
          if (kind === 'yield') await yieldToEventLoop();
          if (kind === 'newOwner') {
            owner.stop();
            owner = new Owner(channel, owner.epoch + 1, owner.counts);
          }
        }
        channel.isLost = false;
        if (!client.subscription) await client.connect(live);
        for (const spaceId of SPACES) owner.change(spaceId);
        for (let passes = 0; passes < 6; passes += 1) await yieldToEventLoop();
        for (const { known } of [client, other])
          expect(Object.fromEntries(known)).toEqual(Object.fromEntries(owner.counts));
        live.stop();
      }),
      { numRuns: 300 },
    );
  });

  it('resume from the owner if this process has not followed the feed', async () => {
    const channel = new MemoryChangeChannel();
    const owner = new Owner(channel, 1, new Map());
    const [one, two] = [1, 2].map(
      () => new LiveCounts(channel, { partitions: 1, subscribersMax: 10, exists: () => true }),
    ) as [LiveCounts, LiveCounts];
    const client = new Client();
    await client.connect(one);
    owner.change(SPACES[0] as SpaceId);
    await yieldToEventLoop();
    client.disconnect();
    for (const spaceId of SPACES) owner.change(spaceId);
    client.events.length = 0;
    await client.connect(two);
    expect(client.events.map(({ kind }) => kind)).toEqual(['change', 'change', 'change']);
    one.stop();
    two.stop();
  });

  it('are refused above the limit, and if nobody owns the partition', async () => {
    const channel = new MemoryChangeChannel();
    const live = new LiveCounts(channel, { partitions: 1, subscribersMax: 1, exists: () => true });
    await expect(new Client().connect(live)).rejects.toMatchObject({ kind: 'unavailable' });
    const owner = new Owner(channel, 1, new Map());
    await new Client().connect(live);
    await expect(new Client().connect(live)).rejects.toMatchObject({ kind: 'unavailable' });
    owner.stop();
    live.stop();
  });
});
