// The lease of a shard, seen by its holder: by the holder's own clock it is valid only while nobody else can hold it.
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import type { Leases } from '../../src/ports/leases.ts';
import { ShardLease } from '../../src/shards/shard-lease.ts';
import { ManualTiming } from '../support/manual-timing.ts';
import { LeaseTable } from '../simulation/engines/memory-leases.ts';

const SHARD = 3 as Partition;
const TTL_MS = 6_000;
const LOG = pino({ level: 'silent' });

/** A server with one lease bucket, which answers at once, or not at all. */
class Server {
  readonly timing = new ManualTiming();
  readonly table = new LeaseTable(TTL_MS, () => this.timing.now());
  isAway = false;
  requests = 0;
  /** How long an answer takes. */
  latencyMs = 0;

  readonly leases: Leases = {
    ttlMs: TTL_MS,
    take: async (shard, holder) =>
      this.#answer(() => {
        const held = this.table.holder(shard);
        return held && held.holder !== holder ? undefined : this.#put(holder);
      }),
    renew: async (shard, holder) =>
      this.#answer(() => (this.table.holder(shard)?.holder === holder ? this.#put(holder) : undefined)),
    release: async (shard, revision) =>
      this.#answer(() => {
        if (this.table.holder(shard)?.revision === revision) this.#put(undefined);
      }),
    // Leases do not concern memberships.
    announce: async () => expect.unreachable(),
    withdraw: async () => expect.unreachable(),
    members: async () => expect.unreachable(),
    succeed: () => expect.unreachable(),
    watch: async () => expect.unreachable(),
  };

  lease(holder: string): ShardLease {
    return new ShardLease(this.leases, SHARD, holder, this.timing, LOG);
  }

  holder(): string | undefined {
    return this.table.holder(SHARD)?.holder;
  }

  #put(holder: string | undefined): number {
    return this.table.put(`shard ${SHARD}`, { kind: 'shard', shard: SHARD, holder }, holder !== undefined);
  }

  async #answer<T>(apply: () => T): Promise<T> {
    this.requests += 1;
    if (this.isAway) throw new Error('no answer');
    const answer = apply();
    this.timing.skip(this.latencyMs);
    return answer;
  }
}

let unexpectedLosses = 0;
const never = (): void => void (unexpectedLosses += 1);
afterEach(() => expect(unexpectedLosses).toBe(0));

describe('the lease of a shard', () => {
  it('is acquired by one process, and renewed for as long as that process holds it', async () => {
    const server = new Server();
    const [mine, other] = [server.lease('a'), server.lease('b')];
    expect(mine.isValid).toBe(false);
    expect([await mine.take(never), await other.take(never)]).toEqual([true, false]);
    for (let n = 0; n < 50; n++) {
      await server.timing.advance(TTL_MS / 5);
      expect([mine.isValid, other.isValid, server.holder()]).toEqual([true, false, 'a']);
    }
    await mine.release();
    expect([mine.isValid, server.holder()]).toEqual([false, undefined]);
    expect(await other.take(never)).toBe(true);
    await other.release();
  });

  it('is no longer renewed once it is released or forgotten', async () => {
    for (const end of ['release', 'forget'] as const) {
      const server = new Server();
      const lease = server.lease('a');
      await lease.take(never);
      await lease[end]();
      const { requests } = server;
      await server.timing.advance(10 * TTL_MS);
      expect([server.requests, lease.isValid, server.holder()]).toEqual([requests, false, undefined]);
    }
  });

  it('is left to expire if it is forgotten, because another process may hold it already', async () => {
    const server = new Server();
    const lease = server.lease('a');
    await lease.take(never);
    await lease.forget();
    expect([lease.isValid, server.holder()]).toEqual([false, 'a']);
  });

  it('becomes invalid before the server grants it to another process, if no renewal is answered', async () => {
    const server = new Server();
    const [mine, other] = [server.lease('a'), server.lease('b')];
    let losses = 0;
    await mine.take(() => void (losses += 1));
    server.isAway = true;
    let steps = 0;
    for (; mine.isValid; steps++) {
      expect(server.holder()).toBe('a');
      await server.timing.advance(100);
    }
    // It was valid for most of its time, and became invalid while the server still had it.
    expect(steps * 100).toBeGreaterThan(0.9 * TTL_MS);
    expect([server.holder(), losses]).toEqual(['a', 0]);
    await server.timing.advance(TTL_MS);
    server.isAway = false;
    expect(await other.take(never)).toBe(true);
    await server.timing.advance(TTL_MS);
    expect([losses, mine.isValid, other.isValid]).toEqual([1, false, true]);
    await other.release();
  });

  it('stays valid if a renewal is answered in time after some that were not', async () => {
    const server = new Server();
    const lease = server.lease('a');
    await lease.take(never);
    server.isAway = true;
    await server.timing.advance(0.9 * TTL_MS);
    server.isAway = false;
    for (let n = 0; n < 20; n++) {
      expect([lease.isValid, server.holder()]).toEqual([true, 'a']);
      await server.timing.advance(TTL_MS / 3);
    }
    await lease.release();
  });

  it('is renewed more often while the server does not answer, and at the usual rate once it does', async () => {
    const server = new Server();
    const lease = server.lease('a');
    await lease.take(never);
    const requestsWithin = async (ms: number): Promise<number> => {
      const before = server.requests;
      await server.timing.advance(ms);
      return server.requests - before;
    };
    const calm = await requestsWithin(10 * TTL_MS);
    expect(calm).toBe(30);
    server.isAway = true;
    expect(await requestsWithin(0.9 * TTL_MS)).toBe(6);
    server.isAway = false;
    await requestsWithin(TTL_MS);
    expect(await requestsWithin(10 * TTL_MS)).toBe(calm);
    await lease.release();
  });

  it('is invalid immediately after a suspension, before anything reports the loss', async () => {
    const server = new Server();
    const lost: string[] = [];
    const [mine, other] = [server.lease('a'), server.lease('b')];
    await mine.take(() => lost.push('a'));
    server.timing.skip(TTL_MS);
    expect([mine.isValid, lost]).toEqual([false, []]);
    expect(await other.take(never)).toBe(true);
    await server.timing.advance(1);
    expect([mine.isValid, lost, other.isValid]).toEqual([false, ['a'], true]);
    await mine.forget();
    await other.release();
  });

  it('lasts from the moment of the request, not of the answer', async () => {
    const server = new Server();
    const lease = server.lease('a');
    server.latencyMs = TTL_MS - 10;
    expect(await lease.take(never)).toBe(true);
    expect(lease.isValid).toBe(false);
    await lease.forget();
  });

  it('is reported as lost once, and then no longer renewed', async () => {
    const server = new Server();
    let losses = 0;
    const lease = server.lease('a');
    await lease.take(() => void (losses += 1));
    server.table.put(`shard ${SHARD}`, { kind: 'shard', shard: SHARD, holder: 'b' }, true);
    await server.timing.advance(TTL_MS / 3);
    // By the holder's clock it would still be valid.
    expect([losses, lease.isValid]).toEqual([1, false]);
    const { requests } = server;
    await server.timing.advance(10 * TTL_MS);
    expect([losses, lease.isValid, server.requests]).toEqual([1, false, requests]);
    // A lease that another process holds is not released.
    server.table.put(`shard ${SHARD}`, { kind: 'shard', shard: SHARD, holder: 'b' }, true);
    await lease.release();
    expect(server.holder()).toBe('b');
  });

  it('is given up locally, even if the server does not hear of it', async () => {
    const server = new Server();
    const lease = server.lease('a');
    await lease.take(never);
    server.isAway = true;
    await lease.release();
    expect([lease.isValid, server.holder()]).toEqual([false, 'a']);
    await server.timing.advance(TTL_MS);
    expect(server.holder()).toBeUndefined();
  });

  it('is not held if acquiring it fails', async () => {
    const server = new Server();
    server.isAway = true;
    const lease = server.lease('a');
    await expect(lease.take(never)).rejects.toThrow('no answer');
    expect(lease.isValid).toBe(false);
    server.isAway = false;
    expect(await lease.take(never)).toBe(true);
    await lease.release();
  });
});
