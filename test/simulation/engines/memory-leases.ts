// Leases in memory. They expire by the scheduler's steps, or, without leases, are granted to every process, so that
// every process runs every shard: counts must be right even then.
import type { Partition } from '../../../src/domain/ids.ts';
import { repairHolderOf, type LeaseChange, type Leases, type Member } from '../../../src/ports/leases.ts';
import type { Access } from './memory-cursor.ts';

/** Longer than any run. */
const FOR_EVER_MS = 1e9;

interface Entry {
  readonly change: LeaseChange;
  readonly revision: number;
  /** The scheduler's time at which the entry expires; undefined for a deletion. */
  readonly endsAtMs: number | undefined;
}

/** The data of the server, which survives every process. */
export class LeaseTable {
  readonly ttlMs: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  #revision = 0;

  constructor(ttlMs: number, now: () => number) {
    this.ttlMs = ttlMs;
    this.#now = now;
  }

  holder(shard: Partition): { readonly holder: string; readonly revision: number } | undefined {
    this.#expire();
    const entry = this.#entries.get(`shard ${shard}`);
    return entry?.change.kind === 'shard' && entry.change.holder !== undefined
      ? { holder: entry.change.holder, revision: entry.revision }
      : undefined;
  }

  put(key: string, change: LeaseChange, lasts: boolean): number {
    this.#revision += 1;
    this.#entries.delete(key);
    this.#entries.set(key, {
      change,
      revision: this.#revision,
      endsAtMs: lasts ? this.#now() + this.ttlMs : undefined,
    });
    return this.#revision;
  }

  /** Oldest first. */
  after(revision: number): Entry[] {
    this.#expire();
    return [...this.#entries.values()].filter((entry) => entry.revision > revision);
  }

  #expire(): void {
    for (const [key, { change, endsAtMs }] of [...this.#entries]) {
      if (endsAtMs === undefined || endsAtMs > this.#now()) continue;
      this.put(
        key,
        change.kind === 'shard' ? { ...change, holder: undefined } : { ...change, member: undefined },
        false,
      );
    }
  }
}

export class MemoryLeases implements Leases {
  readonly ttlMs: number;
  readonly #access: Access;
  readonly #table: LeaseTable;
  readonly #bind: boolean;
  readonly #ended = new Set<string>();

  constructor(access: Access, table: LeaseTable, bind: boolean) {
    this.#access = access;
    this.#table = table;
    this.#bind = bind;
    this.ttlMs = bind ? table.ttlMs : FOR_EVER_MS;
  }

  async take(shard: Partition, holder: string): Promise<number | undefined> {
    return this.#write(`take ${shard}`, () => {
      const held = this.#table.holder(shard);
      if (this.#bind && held && held.holder !== holder && !this.#ended.has(held.holder)) return undefined;
      return this.#table.put(`shard ${shard}`, { kind: 'shard', shard, holder }, true);
    });
  }

  async renew(shard: Partition, holder: string): Promise<number | undefined> {
    return this.take(shard, holder);
  }

  async members(): Promise<Member[]> {
    return this.#access.scheduler.request(this.#access.owner, {
      label: 'read members',
      apply: () =>
        this.#table.after(0).flatMap(({ change }) => (change.kind === 'member' && change.member ? change.member : [])),
      failure: () => new Error('no answer: read members'),
    });
  }

  succeed({ id }: Member): void {
    this.#ended.add(id).add(repairHolderOf(id));
  }

  async release(shard: Partition, revision: number): Promise<void> {
    await this.#write(`release ${shard}`, () => {
      if (this.#table.holder(shard)?.revision === revision)
        this.#table.put(`shard ${shard}`, { kind: 'shard', shard, holder: undefined }, false);
    });
  }

  async announce(member: Member): Promise<void> {
    await this.#write(`announce ${member.name}`, () =>
      this.#table.put(`member ${member.id}`, { kind: 'member', id: member.id, member }, true),
    );
  }

  async withdraw(member: Member): Promise<void> {
    await this.#write(`withdraw ${member.name}`, () =>
      this.#table.put(`member ${member.id}`, { kind: 'member', id: member.id, member: undefined }, false),
    );
  }

  async watch(report: (change: LeaseChange) => void, signal: AbortSignal): Promise<void> {
    for (let seen = 0; !signal.aborted;) {
      const entries = await this.#access.scheduler.request(this.#access.owner, {
        label: 'watch leases',
        apply: () => this.#table.after(seen),
        failure: () => new Error('watching the leases was interrupted'),
        isReady: () => signal.aborted || this.#table.after(seen).length > 0,
      });
      for (const { change, revision } of entries) {
        seen = Math.max(seen, revision);
        report(change);
      }
    }
  }

  async #write<T>(label: string, apply: () => T): Promise<T> {
    return this.#access.scheduler.request(this.#access.owner, {
      label,
      isWrite: true,
      apply,
      failure: () => new Error(`no answer: ${label}`),
    });
  }
}
