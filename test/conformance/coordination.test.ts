// Communication between processes: changes, questions, leases and memberships. One suite for both implementations.
import { expect, it } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { FeedAnswer, FeedBatch, FeedItem, FeedQuestion } from '../../src/live/feed-message.ts';
import { repairHolderOf, type Member } from '../../src/ports/leases.ts';
import { eventually } from '../support/eventually.ts';
import { describePorts } from './ports.ts';

const [P0, P1, P2, P3, P4] = [0, 1, 2, 3, 4] as Partition[] as [Partition, Partition, Partition, Partition, Partition];

describePorts('coordination', (ports) => {
  it('P1 a subscriber of a partition gets its changes in order, until it unsubscribes', async () => {
    const { changes } = ports();
    const heard: FeedBatch[] = [];
    const end = changes.subscribe(P1, (some) => heard.push(some));
    const item = (n: number): FeedItem => ({
      kind: 'correction',
      spaceId: n as SpaceId,
      seq: n,
      fromMs: 0,
      toMs: n,
      cause: 'late',
    });
    const batch = (first: number): FeedBatch => ({ epoch: 5, first, items: [item(first), item(first + 1)] });
    changes.publish(P0, batch(100));
    for (const first of [1, 3, 5]) changes.publish(P1, batch(first));
    await eventually(() => expect(heard).toEqual([batch(1), batch(3), batch(5)]));
    end();
    changes.publish(P1, batch(7));
    // A second subscriber gets the next change, so the first one would have got it, too.
    const others: FeedBatch[] = [];
    const endOther = changes.subscribe(P1, (some) => others.push(some));
    changes.publish(P1, batch(9));
    await eventually(() => expect(others).toEqual([batch(9)]));
    endOther();
    expect(heard).toHaveLength(3);
  });

  it('P1 the owner of a partition answers a question completely, however long the answer is; without an owner the question fails', async () => {
    const { changes } = ports();
    const question: FeedQuestion = {
      all: true,
      spaceIds: [7 as SpaceId],
      epochMin: 3,
      isRenewal: false,
      after: { epoch: 3, n: 9 },
    };
    const asked: FeedQuestion[] = [];
    const items = Array.from({ length: 20_000 }, (_, n): FeedItem => ({
      kind: 'correction',
      spaceId: n as SpaceId,
      seq: n,
      fromMs: 0,
      toMs: n,
      cause: 'move',
    }));
    const answer: FeedAnswer = { epoch: 3, n: 20_009, counts: [], items };
    expect(JSON.stringify(answer).length).toBeGreaterThan(1024 * 1024);
    const end = changes.serve(P2, async (some) => {
      asked.push(some);
      return Promise.resolve(some.epochMin > 3 ? undefined : answer);
    });
    expect(await changes.ask(P2, question)).toEqual(answer);
    expect(asked).toEqual([question]);
    await expect(changes.ask(P2, { ...question, epochMin: 4 })).rejects.toThrow(Failure);
    await expect(changes.ask(P0, question)).rejects.toThrow(Failure);
    end();
    await expect(changes.ask(P2, question)).rejects.toThrow(Failure);
  });

  it('P1 a lease has one holder until it is released, and a holder whose answer was lost may ask again', async () => {
    const { leases } = ports();
    const taken = (await leases.take(P0, 'a')) ?? 0;
    expect(taken).toBeGreaterThan(0);
    expect(await leases.take(P0, 'b')).toBeUndefined();
    const [again = 0, renewed = 0] = [await leases.take(P0, 'a'), await leases.renew(P0, 'a', taken)];
    expect(again).toBeGreaterThan(taken);
    expect(renewed).toBeGreaterThan(again);
    // Releasing concerns the lease that was held last.
    await leases.release(P0, taken);
    expect(await leases.take(P0, 'b')).toBeUndefined();
    await leases.release(P0, renewed);
    expect(await leases.take(P0, 'b')).toBeGreaterThan(renewed);
    expect(await leases.renew(P0, 'a', renewed)).toBeUndefined();
  });

  it('P1 leases and memberships expire unless they are renewed, and a watcher gets every change, the oldest first', async () => {
    const { leases } = ports();
    const member = (id: string): Member => ({ id, name: id, takesShards: true, standsBy: false });
    await leases.announce(member('old'));
    await leases.announce(member('new'));
    await leases.announce(member('gone'));
    await leases.withdraw(member('gone'));
    const held = (await leases.take(P1, 'old')) ?? 0;
    const heard: string[] = [];
    const watching = new AbortController();
    const watch = leases.watch((change) => {
      if (change.kind === 'member') heard.push(`${change.id} ${change.member ? 'lives' : 'left'}`);
      else if (change.shard !== P0) heard.push(`${change.shard} ${change.holder ?? 'free'}`);
    }, watching.signal);
    await eventually(() => expect(heard).toEqual(['old lives', 'new lives', 'gone left', '1 old']));
    let revision: number | undefined = held;
    await eventually(async () => {
      revision = await leases.renew(P1, 'old', revision ?? 0);
      expect(revision).toBeDefined();
      expect(heard).toEqual(expect.arrayContaining(['old left', 'new left']));
      expect(heard).not.toContain('1 free');
    });
    await eventually(() => expect(heard.at(-1)).toBe('1 free'));
    expect(await leases.take(P1, 'new')).toBeDefined();
    await eventually(() => expect(heard.at(-1)).toBe('1 new'));
    watching.abort();
    // The watch ends at the next change.
    await leases.announce(member('last'));
    await watch;
  });

  it('P1 a member takes the leases of one that it succeeds, also those of a repair, and no others', async () => {
    const { leases } = ports();
    const member = (id: string): Member => ({ id, name: id, takesShards: true, standsBy: false });
    await leases.announce(member('dead'));
    const held = (await leases.take(P3, 'dead')) ?? 0;
    expect(await leases.take(P3, 'next')).toBeUndefined();
    expect((await leases.members()).map(({ id }) => id)).toContain('dead');
    const members = new Set<string>();
    const watching = new AbortController();
    const watch = leases.watch((change) => {
      if (change.kind === 'member') members[change.member ? 'add' : 'delete'](change.id);
    }, watching.signal);
    await eventually(() => expect(members).toContain('dead'));
    leases.succeed(member('dead'));
    expect((await leases.members()).map(({ id }) => id)).toContain('dead');
    await leases.withdraw(member('dead'));
    await eventually(() => expect(members).not.toContain('dead'));
    expect((await leases.members()).map(({ id }) => id)).not.toContain('dead');
    const taken = (await leases.take(P3, 'next')) ?? 0;
    expect(taken).toBeGreaterThan(held);
    expect(await leases.renew(P3, 'next', taken)).toBeGreaterThan(taken);
    expect(await leases.take(P4, repairHolderOf('dead'))).toBeGreaterThan(taken);
    expect(await leases.take(P4, 'next')).toBeGreaterThan(taken);
    await leases.release(P4, (await leases.take(P4, 'next')) ?? 0);
    expect(await leases.take(P4, 'alive')).toBeGreaterThan(taken);
    expect(await leases.take(P4, 'next')).toBeUndefined();
    watching.abort();
    // The watch ends at the next change.
    await leases.announce(member('last'));
    await watch;
  });
});
