// This process as a member of the cluster: announces itself, watches the other members and the leases, and decides
// for each shard whether to own it (its fair share), to keep a copy of it (some others), or neither. Every member
// computes the same assignment from the same members, so they only have to agree on who is alive. Until they agree,
// the leases decide.
//
// While the other members cannot be watched, nothing changes: owned shards keep running, and the leases expire by
// themselves.
import type { Logger } from 'pino';
import type { Problem } from '../domain/health.ts';
import type { Partition } from '../domain/ids.ts';
import type { LeaseChange, Leases, Member } from '../ports/leases.ts';
import { untilSharedInstant } from '../runtime/shared-instants.ts';
import { supervise } from '../runtime/supervise.ts';
import type { Timing } from '../runtime/timing.ts';
import { assignShards } from './assignment.ts';
import type { Shard } from './shard.ts';
import type { Ticks } from './ticks.ts';

const ANNOUNCEMENTS_PER_TTL = 3;
const STEER_INTERVAL_MS = 250;
/** A watch that was interrupted may miss an expiry. */
const FORGOTTEN_AFTER_TTLS = 2;
/** Longer than it takes for the lease of a dead holder to expire and to be taken by another. */
const OWNERLESS_MAX_TTLS = 3;

interface Seen<T> {
  readonly value: T;
  readonly atMs: number;
  /** Seen more than once, so it is not a stale entry. */
  readonly isConfirmed: boolean;
}

export interface MembershipDeps {
  readonly leases: Leases;
  readonly member: Member;
  /** Announced to the others with the membership. */
  readonly problems?: () => readonly Problem[];
  readonly partitions: number;
  /** By partition; empty in a member that runs no shards. */
  readonly shards: readonly Shard[];
  readonly ticks: Ticks;
  readonly timing: Timing;
  readonly log: Logger;
}

export class Membership {
  readonly #deps: MembershipDeps;
  readonly #members = new Map<string, Seen<Member>>();
  readonly #holders = new Map<Partition, Seen<string>>();
  readonly #abort = new AbortController();
  /** Earlier runs of this process, which have ended. */
  #earlier: Member[] = [];
  #isSuspended = false;
  #startedAtMs = 0;
  #lastChangeAtMs = 0;
  #changed = new AbortController();
  #loops: Promise<void>[] = [];
  #assignedMembers = '';
  #assignment = assignShards(0, []);

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
  }

  /** The live members, by name. */
  get members(): Member[] {
    return [...this.#members.values()].map(({ value }) => value).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** By shard: the name of the member that holds its lease, or null. */
  get owners(): (string | null)[] {
    return Array.from({ length: this.#deps.partitions }, (_, shard) => {
      const holder = this.#holders.get(shard as Partition)?.value;
      return holder === undefined ? null : (this.#members.get(holder)?.value.name ?? holder);
    });
  }

  /**
   * True when this process runs its share, as far as it can, and every other shard has a live owner. A shard that has
   * long been without an owner, or that keeps failing, does not prevent a process from answering for the others.
   */
  get isSettled(): boolean {
    const { member, shards, partitions, leases, timing } = this.#deps;
    if (
      !this.#members.has(member.id) ||
      [...this.#members.values()].some(({ value, isConfirmed }) => value.id !== member.id && !isConfirmed)
    )
      return false;
    const owned = [...this.#holders.values()].filter(({ value }) => this.#members.has(value)).length;
    if (owned < partitions && timing.now() - this.#startedAtMs < OWNERLESS_MAX_TTLS * leases.ttlMs) return false;
    const isSettled = (shard: Shard): boolean =>
      shard.isOwner || shard.refusal !== undefined || shard.restarts.loop !== undefined;
    return shards.every((shard) => this.#holders.get(shard.partition)?.value !== member.id || isSettled(shard));
  }

  /**
   * Finds the earlier runs of this process, whose leases it takes from now on. Called before `start`. Does nothing without an
   * instance.
   */
  async succeedEarlierRuns(): Promise<void> {
    const { leases, member, log } = this.#deps;
    const { instanceId } = member;
    if (instanceId === undefined) return;
    try {
      this.#earlier = (await leases.members()).filter((other) => other.instanceId === instanceId);
    } catch (error) {
      log.warn({ err: error }, 'earlier runs of this process are not known; their leases will expire');
    }
    for (const { id } of this.#earlier)
      log.info({ instance: instanceId, earlier: id }, 'this process succeeds an earlier run');
    this.#earlier.forEach((other) => leases.succeed(other));
  }

  start(): void {
    const { leases, log, timing } = this.#deps;
    const { signal } = this.#abort;
    this.#startedAtMs = timing.now();
    this.#loops = [
      supervise('membership', () => this.#announce(), signal, log, timing),
      supervise('leases', () => leases.watch((change) => this.#onChange(change), signal), signal, log, timing),
      this.#steerUntilStopped(),
      this.#deps.ticks.run(this.#deps.shards, signal),
    ];
  }

  /** Leaves the cluster. Each shard is drained and released, and another member takes it over. */
  async stop(): Promise<void> {
    const { leases, member, shards, log } = this.#deps;
    this.#abort.abort();
    this.#changed.abort();
    await leases
      .withdraw(member)
      .catch((error: unknown) => log.debug({ err: error }, 'the membership was not withdrawn; it will expire'));
    await Promise.all(shards.map((shard) => shard.stop()));
    await Promise.all(this.#loops);
  }

  /** Gives up all shards. Resolves when none runs here. */
  async suspend(): Promise<void> {
    this.#isSuspended = true;
    await Promise.all(this.#deps.shards.map((shard) => shard.stop()));
  }

  resume(): void {
    this.#isSuspended = false;
    this.#changed.abort();
  }

  async #announce(): Promise<void> {
    const { leases, member, problems, timing } = this.#deps;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await leases.announce({ ...member, ...(problems ? { problems: problems() } : {}) });
      // Not before, because the others would share out its shards, and because the next run could not find it if this one
      // ended now.
      await Promise.all(this.#earlier.map(async (earlier) => leases.withdraw(earlier)));
      this.#earlier = [];
      await timing.pause(untilSharedInstant(timing.now(), leases.ttlMs / ANNOUNCEMENTS_PER_TTL), signal);
    }
  }

  #onChange(change: LeaseChange): void {
    const atMs = this.#deps.timing.now();
    this.#lastChangeAtMs = atMs;
    // Most changes are renewals, ten a second, and need no new assignment.
    const isRenewal =
      change.kind === 'member'
        ? change.member !== undefined && this.#members.has(change.id)
        : change.holder !== undefined && this.#holders.get(change.shard)?.value === change.holder;
    if (change.kind === 'member') {
      if (!isRenewal && change.member) this.#warnOfRival(change.member);
      if (change.member)
        this.#members.set(change.id, { value: change.member, atMs, isConfirmed: this.#members.has(change.id) });
      else this.#members.delete(change.id);
    } else if (change.holder !== undefined) {
      this.#holders.set(change.shard, { value: change.holder, atMs, isConfirmed: true });
    } else {
      this.#holders.delete(change.shard);
      this.#deps.shards[change.shard]?.leaseFreed();
    }
    if (!isRenewal) this.#changed.abort();
  }

  #warnOfRival({ id, name, instanceId, startedMs = 0 }: Member): void {
    const { member, log } = this.#deps;
    if (instanceId === undefined || instanceId !== member.instanceId || startedMs <= (member.startedMs ?? 0)) return;
    log.warn(
      { instance: instanceId, name, id },
      'another process was started as the same instance and takes the leases of this one: INSTANCE_ID must be different in processes that run at the same time',
    );
  }

  async #steerUntilStopped(): Promise<void> {
    const { timing } = this.#deps;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      this.#steer();
      // `stop` aborts this controller too.
      this.#changed = new AbortController();
      await timing.pause(STEER_INTERVAL_MS, this.#changed.signal);
    }
  }

  #steer(): void {
    const { member, shards } = this.#deps;
    this.#forgetSilent();
    // Entries arrive oldest first, so a process that sees its own entry has seen all members that joined before it.
    if (!this.#members.has(member.id)) return;
    this.#assign();
    for (const shard of shards) {
      const { partition } = shard;
      if (this.#isSuspended) shard.setGoal('nothing');
      else if (this.#assignment.owners[partition] === member.id) shard.setGoal('own');
      else shard.setGoal(member.standsBy && this.#assignment.standbys[partition] === member.id ? 'standBy' : 'nothing');
    }
  }

  #assign(): void {
    const takers = byName([...this.#members.values()].map(({ value }) => value).filter((some) => some.takesShards));
    const key = JSON.stringify([...takers]);
    if (key === this.#assignedMembers) return;
    this.#assignedMembers = key;
    const { owners, standbys } = assignShards(this.#deps.partitions, [...takers.keys()]);
    this.#assignment = {
      owners: owners.map((name) => takers.get(name) as string),
      standbys: standbys.map((name) => (name === undefined ? undefined : takers.get(name))),
    };
    this.#deps.log.info(
      { members: takers.size, own: this.#assignment.owners.filter((owner) => owner === this.#deps.member.id).length },
      'shards are assigned',
    );
  }

  #forgetSilent(): void {
    const beforeMs = this.#lastChangeAtMs - FORGOTTEN_AFTER_TTLS * this.#deps.leases.ttlMs;
    for (const [id, { atMs }] of this.#members) if (atMs < beforeMs) this.#members.delete(id);
    for (const [shard, { atMs }] of this.#holders) if (atMs < beforeMs) this.#holders.delete(shard);
  }
}

/**
 * The ids of members by name, so that a process that is restarted gets the shards that it had. A member of whose instance a newer
 * run is announced has ended. Of other members with the same name all but the newest count under their ids.
 */
function byName(members: readonly Member[]): Map<string, string> {
  const newestFirst = [...members].sort((a, b) => (b.startedMs ?? 0) - (a.startedMs ?? 0) || (a.id < b.id ? -1 : 1));
  const ids = new Map<string, string>();
  const instances = new Set<string>();
  for (const { id, name, instanceId = id } of newestFirst) {
    if (instances.has(instanceId)) continue;
    instances.add(instanceId);
    ids.set(ids.has(name) ? id : name, id);
  }
  return ids;
}
