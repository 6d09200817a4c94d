// Whatever messages are lost and whoever owns a partition, a subscriber ends up with the owner's state; and unless it
// is told to resynchronise, it gets every item once.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { allPartitions, partitionOfSpace } from '../../src/domain/partition.ts';
import type { FeedAnswer, FeedItem, LiveCount } from '../../src/live/feed-message.ts';
import { LiveCounts, type Subscription } from '../../src/live/live-counts.ts';
import { parseFeedPlaces } from '../../src/live/place-vector.ts';
import type { LiveEvent, LiveSink } from '../../src/live/subscriber.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryChangeChannel } from '../support/memory-change-channel.ts';

const K = 0 as Partition;
const SPACES = [1, 2, 3].map((id) => id as SpaceId);

/** An owner that keeps all items of its epoch. */
class Owner {
  readonly items: FeedItem[] = [];
  readonly counts: Map<SpaceId, number>;
  readonly epoch: number;
  readonly #channel: MemoryChangeChannel;
  readonly partition: Partition;
  readonly stop: () => void;
  readonly stale = new Set<SpaceId>();
  /** How far back it answers. */
  kept = Infinity;
  isSilent = false;
  /** The spaces that it answers about. */
  known: readonly SpaceId[] = SPACES;
  beforeAnswer: () => void = () => undefined;

  constructor(channel: MemoryChangeChannel, epoch: number, counts: ReadonlyMap<SpaceId, number>, partition = K) {
    this.#channel = channel;
    this.partition = partition;
    this.epoch = epoch;
    this.counts = new Map(counts);
    this.stop = channel.serve(partition, async ({ after, isRenewal }) => {
      this.beforeAnswer();
      const answer: FeedAnswer = {
        epoch,
        n: this.items.length,
        counts: isRenewal ? [] : this.known.map((id) => ({ count: this.#count(id), since: 0 })),
        items: after?.epoch === epoch && this.items.length - after.n <= this.kept ? this.items.slice(after.n) : [],
      };
      return Promise.resolve(this.isSilent ? undefined : answer);
    });
    channel.publish(partition, { epoch, first: 1, items: [] });
  }

  change(spaceId: SpaceId): void {
    this.counts.set(spaceId, (this.counts.get(spaceId) ?? 0) + 1);
    this.#publish(spaceId);
  }

  setStale(spaceId: SpaceId, isStale: boolean): void {
    if (isStale) this.stale.add(spaceId);
    else this.stale.delete(spaceId);
    this.#publish(spaceId);
  }

  #publish(spaceId: SpaceId): void {
    this.items.push(this.#count(spaceId));
    this.#channel.publish(this.partition, { epoch: this.epoch, first: this.items.length, items: this.items.slice(-1) });
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
      isStale: this.stale.has(spaceId),
    };
  }
}

class Client implements LiveSink {
  /** How many events it accepts at once. */
  room = Infinity;
  readonly known = new Map<SpaceId, number>();
  readonly stale = new Set<SpaceId>();
  readonly events: LiveEvent[] = [];
  id: string | undefined;
  subscription: Subscription | undefined;

  write(event: LiveEvent, id: string | undefined): boolean {
    this.room -= 1;
    this.events.push(event);
    if (id !== undefined) this.id = id;
    this.#note(event);
    return this.room > 0;
  }

  #note(event: LiveEvent): void {
    if (event.kind !== 'snapshot' && event.kind !== 'change') return;
    const { spaceId, count, isStale } = event.item;
    // Every change is one person here, or says that a count is stale, or fresh again: a gap or a repetition would be
    // another number.
    if (event.kind === 'change')
      expect(count).toBe((this.known.get(spaceId) ?? NaN) + (isStale === this.stale.has(spaceId) ? 1 : 0));
    this.known.set(spaceId, count);
    if (isStale) this.stale.add(spaceId);
    else this.stale.delete(spaceId);
  }

  end(): void {
    this.subscription = undefined;
  }

  async connect(live: LiveCounts, spaceIds = SPACES): Promise<void> {
    this.room = Infinity;
    this.subscription = await live.subscribe(spaceIds, this.id === undefined ? undefined : parseFeedPlaces(this.id));
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
  fc.constantFrom(...SPACES).map((spaceId) => ({ kind: 'stale', spaceId }) as const),
  fc.constantFrom(
    { kind: 'disconnect' } as const,
    { kind: 'connect' } as const,
    { kind: 'newOwner' } as const,
    { kind: 'forget' } as const,
    { kind: 'yield' } as const,
  ),
);

function liveOn(channel: MemoryChangeChannel): LiveCounts {
  return new LiveCounts(channel, { partitions: 1, subscribersMax: 10, exists: () => true });
}

/** Makes the relays of a feed ask it. */
function loseItem(channel: MemoryChangeChannel, { epoch, items, partition }: Owner): void {
  channel.publish(partition, { epoch, first: items.length + 2, items: [] });
}

describe('live counts', () => {
  it('converge without a gap or a repetition through message loss, new owners and reconnects', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const channel = new MemoryChangeChannel();
        const live = liveOn(channel);
        let owner = new Owner(channel, 1, new Map());
        const [client, other] = [new Client(), new Client()];
        await other.connect(live);
        for (const { kind, ...detail } of steps) {
          if (kind === 'change') owner.change((detail as { spaceId: SpaceId }).spaceId);
          if (kind === 'stale') {
            const { spaceId } = detail as { spaceId: SpaceId };
            owner.setStale(spaceId, !owner.stale.has(spaceId));
          }
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
        for (const { known, stale } of [client, other]) {
          expect(Object.fromEntries(known)).toEqual(Object.fromEntries(owner.counts));
          expect([...stale].sort()).toEqual([...owner.stale].sort());
        }
        live.stop();
      }),
      { numRuns: 300 },
    );
  });

  it('resume from the owner if this process has not followed the feed', async () => {
    const channel = new MemoryChangeChannel();
    const owner = new Owner(channel, 1, new Map());
    const [one, two] = [1, 2].map(() => liveOn(channel)) as [LiveCounts, LiveCounts];
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

  it('are stale while the partition has no owner, and fresh for clients that reconnect afterwards', async () => {
    const channel = new MemoryChangeChannel();
    const live = liveOn(channel);
    const owner = new Owner(channel, 1, new Map());
    const [client, gone] = [new Client(), new Client()];
    await client.connect(live);
    await gone.connect(live);
    owner.change(SPACES[0] as SpaceId);
    await yieldToEventLoop();
    owner.isSilent = true;
    loseItem(channel, owner);
    await eventually(() => expect([...client.stale]).toEqual(SPACES));
    expect([...gone.stale]).toEqual(SPACES);
    gone.disconnect();
    owner.isSilent = false;
    await eventually(() => expect([...client.stale]).toEqual([]));
    // Nothing has happened since.
    await gone.connect(live);
    expect([...gone.stale]).toEqual([]);
    expect(client.known).toEqual(new Map([...SPACES.map((id) => [id, 0] as const), [SPACES[0], 1]]));
    live.stop();
    owner.stop();
  });

  it('are stale from the beginning if the owner was lost while another partition was asked', async () => {
    const channel = new MemoryChangeChannel();
    const partitions = 2;
    const live = new LiveCounts(channel, { partitions, subscribersMax: 10, exists: () => true });
    const [first, second] = allPartitions(partitions) as [Partition, Partition];
    const owner = new Owner(channel, 1, new Map(), first);
    const ids = (partition: Partition): SpaceId[] =>
      SPACES.filter((id) => partitionOfSpace(id, partitions) === partition);
    expect(ids(first).length * ids(second).length).toBeGreaterThan(0);
    const follower = new Client();
    await follower.connect(live, ids(first));
    const client = new Client();
    const served = new Owner(channel, 1, new Map(), second);
    await client.connect(live);
    client.disconnect();
    served.stop();
    let answerSecond: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => {
      channel.serve(second, async ({ isRenewal }) => {
        resolve();
        if (!isRenewal) await new Promise<void>((go) => (answerSecond = go));
        return { epoch: 1, n: 0, counts: [], items: [] };
      });
    });
    const connected = client.connect(live);
    await isAsked;
    owner.isSilent = true;
    loseItem(channel, owner);
    await eventually(() => expect([...follower.stale]).toEqual(ids(first)));
    answerSecond();
    await connected;
    expect([...client.stale]).toEqual(ids(first));
    live.stop();
  });

  it('do not stay stale for a slow client that reconnects before it has read everything', async () => {
    const channel = new MemoryChangeChannel();
    const live = liveOn(channel);
    const owner = new Owner(channel, 1, new Map());
    const [slow, other] = [new Client(), new Client()];
    for (const client of [slow, other]) await client.connect(live);
    slow.room = 1;
    for (let n = 0; n < 2; n++) {
      owner.change(SPACES[2] as SpaceId);
      await yieldToEventLoop();
    }
    owner.isSilent = true;
    loseItem(channel, owner);
    await eventually(() => expect([...other.stale]).toEqual(SPACES));
    // One change, and the first of three counts that are stale.
    slow.room = 2;
    slow.subscription?.drained();
    expect([...slow.stale]).toEqual(SPACES.slice(0, 1));
    slow.disconnect();
    owner.isSilent = false;
    await eventually(() => expect([...other.stale]).toEqual([]));
    await slow.connect(live);
    expect([...slow.stale]).toEqual([]);
    live.stop();
  });

  it('are complete for a client that loses its connection in the middle of the snapshots', async () => {
    const channel = new MemoryChangeChannel();
    const live = liveOn(channel);
    const old = new Owner(channel, 1, new Map());
    const [cut, other] = [new Client(), new Client()];
    for (const client of [cut, other]) await client.connect(live);
    old.stop();
    cut.room = 1;
    const counts = new Map(SPACES.map((id) => [id, 7] as const));
    new Owner(channel, 2, counts);
    await eventually(() => expect(other.known).toEqual(counts));
    expect(cut.known).not.toEqual(counts);
    cut.disconnect();
    await cut.connect(live);
    expect(cut.known).toEqual(counts);
    live.stop();
  });

  it.each(['everything has stopped', 'all have left', 'all have left and another has come'])(
    'are neither sent nor asked for once the feed has no subscribers: %s',
    async (what) => {
      const channel = new MemoryChangeChannel();
      const live = liveOn(channel);
      const owner = new Owner(channel, 1, new Map());
      const client = new Client();
      await client.connect(live);
      expect(channel.listeners(K)).toBe(1);
      owner.isSilent = true;
      const failing = channel.holdQuestions();
      loseItem(channel, owner);
      await eventually(() => expect(failing).toHaveLength(1));
      failing[0]?.();
      await eventually(() => expect(failing).toHaveLength(2));
      if (what === 'everything has stopped') live.stop();
      else client.disconnect();
      channel.releaseQuestions();
      owner.isSilent = false;
      const next = new Client();
      if (what === 'all have left and another has come') await next.connect(live);
      failing[1]?.();
      for (let passes = 0; passes < 6; passes += 1) await yieldToEventLoop();
      expect(channel.listeners(K)).toBe(next.subscription ? 1 : 0);
      expect([...client.stale, ...next.stale]).toEqual([]);
      live.stop();
    },
  );

  it('continue without snapshots when a new subscriber asks for another space', async () => {
    const channel = new MemoryChangeChannel();
    const live = liveOn(channel);
    const owner = new Owner(channel, 1, new Map());
    const [first, second, third] = SPACES as [SpaceId, SpaceId, SpaceId];
    const client = new Client();
    owner.known = [first];
    await client.connect(live, [first]);
    // As a feed does that sends what it has grouped before it answers.
    owner.beforeAnswer = () => owner.change(first);
    for (const spaceId of [second, third]) {
      owner.known = [...owner.known, spaceId];
      await new Client().connect(live, [spaceId]);
    }
    await yieldToEventLoop();
    expect(client.events.map(({ kind }) => kind)).toEqual(['snapshot', 'change', 'change']);
    live.stop();
  });

  it('are asked for once when many subscribers arrive together', async () => {
    const channel = new MemoryChangeChannel();
    let questions = 0;
    const isAsked = new Promise<void>((resolve) => {
      channel.serve(K, async () => {
        questions += 1;
        resolve();
        await yieldToEventLoop();
        return { epoch: 1, n: 0, counts: [], items: [] };
      });
    });
    const live = new LiveCounts(channel, { partitions: 1, subscribersMax: 100, exists: () => true });
    const first = live.subscribe([1 as SpaceId], undefined);
    await isAsked;
    await Promise.all([
      first,
      ...Array.from({ length: 50 }, (_, n) => live.subscribe([(n + 2) as SpaceId], undefined)),
    ]);
    expect(questions).toBe(2);
    live.stop();
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
