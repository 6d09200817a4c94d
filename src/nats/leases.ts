// Leases and memberships in a NATS key-value bucket whose keys expire unless they are renewed. The server expires keys
// by its own clock and notifies watchers, so processes need not agree on the time. A holder measures its lease with its
// own monotonic clock, starting before it sends the request, and so considers it expired before the server does.
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { nanos } from 'nats';
import type { Partition } from '../domain/ids.ts';
import { repairHolderOf, type LeaseChange, type Leases, type Member } from '../ports/leases.ts';
import { endOfTurn } from '../runtime/end-of-turn.ts';
import type { NatsHandles } from './connect.ts';

const BUCKET = 'density_leases';
/** The server checks for expired keys four times a second (measured: 70 to 260 ms late). */
const EXPIRY_LATE_MS = 250;
/** A reserve for the next owner: on a busy machine, restoring a shard may take this much longer than a second. */
const RESTORE_MS = 500;
/** How long the server keeps the marker of an expired key: long enough for every watcher to see it. */
const MARKER_TTL_MS = 60_000;
const encoder = new TextEncoder();

export class NatsLeases implements Leases {
  readonly ttlMs: number;
  readonly #kv: KV;
  /** Holders that are known to have ended. */
  readonly #ended = new Set<string>();

  private constructor(kv: KV, ttlMs: number) {
    this.#kv = kv;
    this.ttlMs = ttlMs;
  }

  /**
   * Creates the bucket if it does not exist. The process that starts last sets the TTL for all.
   * @param freeAfterMs the latest time after its last renewal at which a lease is free
   */
  static async open({ js, jsm }: NatsHandles, freeAfterMs: number, replicas: number): Promise<NatsLeases> {
    const ttlMs = Math.max(freeAfterMs - EXPIRY_LATE_MS - RESTORE_MS, freeAfterMs / 2);
    const kv = await new Kvm(js).create(BUCKET, {
      ttl: ttlMs,
      markerTTL: MARKER_TTL_MS,
      replicas,
      history: 1,
      storage: StorageType.File,
    });
    await setMaxAge(jsm, ttlMs);
    return new NatsLeases(kv, ttlMs);
  }

  async take(shard: Partition, holder: string): Promise<number | undefined> {
    const taken = await unlessRefused(this.#kv.create(shardKey(shard), holder));
    if (taken !== undefined) return taken;
    const entry = await this.#kv.get(shardKey(shard));
    if (entry?.operation !== 'PUT') return undefined;
    // This holder may already have it, if the reply to an earlier attempt was lost.
    const isFree = entry.string() === holder || this.#ended.has(entry.string());
    return isFree ? unlessRefused(this.#kv.update(shardKey(shard), encoder.encode(holder), entry.revision)) : undefined;
  }

  async renew(shard: Partition, holder: string, revision: number): Promise<number | undefined> {
    // All leases of a process are due at the same instant, and are sent together.
    await endOfTurn();
    const renewed = await unlessRefused(this.#kv.update(shardKey(shard), encoder.encode(holder), revision));
    // The renewal was refused: the lease has expired and may be free, or the reply to an earlier renewal was lost.
    return renewed ?? this.take(shard, holder);
  }

  async release(shard: Partition, revision: number): Promise<void> {
    await unlessRefused(this.#kv.delete(shardKey(shard), { previousSeq: revision }).then(() => 0));
  }

  async announce(member: Member): Promise<void> {
    await this.#kv.put(memberKey(member.id), JSON.stringify(member));
  }

  async withdraw(member: Member): Promise<void> {
    await this.#kv.delete(memberKey(member.id));
  }

  succeed({ id }: Member): void {
    this.#ended.add(id).add(repairHolderOf(id));
  }

  async members(): Promise<Member[]> {
    const found: Member[] = [];
    for await (const key of await this.#kv.keys(memberKey('*'))) {
      const entry = await this.#kv.get(key);
      if (entry?.operation === 'PUT') found.push(entry.json<Member>());
    }
    return found;
  }

  async watch(report: (change: LeaseChange) => void, signal: AbortSignal): Promise<void> {
    const entries = await this.#kv.watch();
    const stop = (): void => entries.stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) return;
      for await (const { key, operation, value } of entries) {
        const text = operation === 'PUT' ? new TextDecoder().decode(value) : undefined;
        const [kind, id] = key.split('.');
        if (id === undefined) continue;
        if (kind === 'shard') report({ kind, shard: Number(id) as Partition, holder: text });
        if (kind === 'member')
          report({ kind, id, member: text === undefined ? undefined : (JSON.parse(text) as Member) });
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (!signal.aborted) throw new Error('watching the leases was interrupted');
  }
}

const shardKey = (shard: Partition): string => `shard.${shard}`;
const memberKey = (id: string): string => `member.${id}`;

async function setMaxAge(jsm: JetStreamManager, ttlMs: number): Promise<void> {
  const stream = `KV_${BUCKET}`;
  const { config } = await jsm.streams.info(stream);
  if (config.max_age !== nanos(ttlMs))
    await jsm.streams.update(stream, {
      max_age: nanos(ttlMs),
      duplicate_window: Math.min(config.duplicate_window, nanos(ttlMs)),
    });
}

/**
 * Awaits a conditional write.
 * @returns undefined if the server refused it
 * @throws any other error, after which the outcome is unknown
 */
async function unlessRefused(write: Promise<number>): Promise<number | undefined> {
  try {
    return await write;
  } catch (error) {
    const isRefusal =
      error instanceof JetStreamApiError &&
      (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
        error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown);
    if (isRefusal) return undefined;
    throw error;
  }
}
