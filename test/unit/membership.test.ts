// Which shards a process is to own, and which processes it succeeds, from the members and leases that it sees.
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import type { LeaseChange, Leases, Member } from '../../src/ports/leases.ts';
import { Membership } from '../../src/shards/membership.ts';
import type { Shard } from '../../src/shards/shard.ts';
import type { Ticks } from '../../src/shards/ticks.ts';
import { fakeOf } from '../support/fake-of.ts';
import { ManualTiming } from '../support/manual-timing.ts';

const PARTITIONS = 16;
const TTL_MS = 6_000;
const ALL = Array.from({ length: PARTITIONS }, (_, k) => k);

const running: { readonly membership: Membership; readonly timing: ManualTiming }[] = [];

afterEach(async () => {
  await Promise.all(
    running.splice(0).map(async ({ membership, timing }) => {
      const stopped = membership.stop();
      await timing.advance(TTL_MS);
      await stopped;
    }),
  );
});

const member = (id: string, some: Partial<Member> = {}): Member => ({
  ...{ id, name: id, takesShards: true, standsBy: true },
  ...some,
});
const lives = (some: Member): LeaseChange => ({ kind: 'member', id: some.id, member: some });
const left = ({ id }: Member): LeaseChange => ({ kind: 'member', id, member: undefined });
const allHeldBy = (holder: string): LeaseChange[] =>
  ALL.map((shard) => ({ kind: 'shard', shard, holder }) as LeaseChange);

interface Seen {
  readonly membership: Membership;
  /** What it has done with memberships and leases, in order. */
  readonly done: string[];
  readonly owned: Set<number>;
  readonly copied: Set<number>;
  readonly start: () => Promise<void>;
  readonly see: (...changes: LeaseChange[]) => Promise<void>;
}

/** @param found the members when it starts; an error if they cannot be read */
function membershipOf(self: Member, found: readonly Member[] | Error = []): Seen {
  const timing = new ManualTiming();
  const done: string[] = [];
  const [owned, copied] = [new Set<number>(), new Set<number>()];
  let report: (change: LeaseChange) => void = () => undefined;
  const membership = new Membership({
    leases: fakeOf<Leases>('Leases', {
      ttlMs: TTL_MS,
      members: async () => (found instanceof Error ? Promise.reject(found) : Promise.resolve([...found])),
      announce: async ({ id }) => Promise.resolve(void done.push(`announce ${id}`)),
      withdraw: async ({ id }) => Promise.resolve(void done.push(`withdraw ${id}`)),
      succeed: ({ id }) => void done.push(`succeed ${id}`),
      watch: async (to, signal) => {
        report = to;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    }),
    member: self,
    partitions: PARTITIONS,
    shards: ALL.map((partition) =>
      fakeOf<Shard>('Shard', {
        partition: partition,
        isOwner: true,
        setGoal: (goal) => {
          owned[goal === 'own' ? 'add' : 'delete'](partition);
          copied[goal === 'standBy' ? 'add' : 'delete'](partition);
        },
        stop: async () => Promise.resolve(),
      }),
    ),
    ticks: fakeOf<Ticks>('Ticks', { run: async () => Promise.resolve() }),
    timing,
    log: pino({ level: 'silent' }),
  });
  return {
    ...{ membership, done, owned, copied },
    start: async () => {
      await membership.succeedEarlierRuns();
      membership.start();
      running.push({ membership, timing });
      await timing.advance(0);
    },
    see: async (...changes) => {
      changes.forEach((change) => report(change));
      await timing.advance(1_000);
    },
  };
}

it('succeeds earlier runs of its instance and no other member, and withdraws them once it is announced itself', async () => {
  const others = [
    member('a', { instanceId: 'pod-1' }),
    member('b', { instanceId: 'pod-2' }),
    member('c'),
    member('d', { instanceId: 'pod-1' }),
  ];
  const { done, start } = membershipOf(member('self', { instanceId: 'pod-1' }), others);
  await start();
  expect(done).toEqual(['succeed a', 'succeed d', 'announce self', 'withdraw a', 'withdraw d']);
});

it.each([
  ['without an instance', member('self'), [member('a'), member('b', { instanceId: 'pod-1' })]],
  ['if the members cannot be read', member('self', { instanceId: 'pod-1' }), new Error('no answer')],
])('succeeds nobody %s', async (_, self, found) => {
  const { done, start } = membershipOf(self, found);
  await start();
  expect(done).toEqual(['announce self']);
});

it('is not settled while leases are held by a member that has ended', async () => {
  const [self, dead] = [member('self', { instanceId: 'pod-1' }), member('dead', { instanceId: 'pod-1' })];
  const { membership, start, see } = membershipOf(self, [dead]);
  await start();
  await see(...allHeldBy('dead'), lives(dead), lives(self), left(dead));
  expect(membership.isSettled).toBe(false);
  await see(...allHeldBy('self'));
  expect(membership.isSettled).toBe(true);
});

it('gives a process that is restarted under its name the shards that it had', async () => {
  const ownedAs = async (self: Member): Promise<number[]> => {
    const { owned, start, see } = membershipOf(self);
    await start();
    await see(lives(member('x')), lives(member('y')), lives(self));
    return [...owned];
  };
  const before = await ownedAs(member('1', { name: 'pod-1' }));
  expect(before.length).toBeGreaterThanOrEqual(Math.floor(PARTITIONS / 3));
  expect(await ownedAs(member('2', { name: 'pod-1' }))).toEqual(before);
  // Otherwise this says nothing.
  expect(await ownedAs(member('2', { name: 'pod-4' }))).not.toEqual(before);
});

/** What each member that lives owns and copies if it sees these. */
async function sharesOf(members: readonly Member[], living = members): Promise<Seen[]> {
  return Promise.all(
    living.map(async (self) => {
      const seen = membershipOf(self);
      await seen.start();
      await seen.see(...members.map(lives));
      return seen;
    }),
  );
}
const numbersIn = (sets: readonly Set<number>[]): number[] => sets.flatMap((set) => [...set]).sort((a, b) => a - b);

it('shares all shards and their copies among members, also if two have the same name', async () => {
  const shares = await sharesOf([member('a', { name: 'x' }), member('b', { name: 'x', startedMs: 1 }), member('c')]);
  expect(numbersIn(shares.map(({ owned }) => owned))).toEqual(ALL);
  expect(numbersIn(shares.map(({ copied }) => copied))).toEqual(ALL);
  for (const { owned, copied } of shares) {
    expect(owned.size).toBeGreaterThanOrEqual(Math.floor(PARTITIONS / 3));
    expect([...copied].filter((shard) => owned.has(shard))).toEqual([]);
  }
});

it('changes nothing for others while a member that has ended and its successor are both announced', async () => {
  const pod = { name: 'pod-1', instanceId: 'uid-1' };
  const [dead, next] = [member('z', { ...pod, startedMs: 1 }), member('a', { ...pod, startedMs: 2 })];
  const others = [member('b'), member('c')];
  const before = await sharesOf([dead, ...others], others);
  const meanwhile = await sharesOf([dead, next, ...others], [next, ...others]);
  expect(meanwhile.slice(1).map(({ owned }) => owned)).toEqual(before.map(({ owned }) => owned));
  expect(numbersIn(meanwhile.map(({ owned }) => owned))).toEqual(ALL);
});
