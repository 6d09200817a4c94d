// Leases and memberships in a NATS key-value bucket whose keys expire when they are not renewed. The
// server expires them by its own clock and says so to whoever watches: no two processes have to agree on
// the time. The end of a lease that its holder reckons with, by its own monotonic clock from before it
// asked, comes before the server's.
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { nanos } from 'nats';
import type { Partition } from '../domain/ids.ts';
import type { LeaseChange, Leases, Member } from '../ports/leases.ts';
import type { NatsHandles } from './connect.ts';

const BUCKET = 'density_leases';
/** The server looks for keys that are too old four times a second (measured: 70 to 260 ms late). */
const EXPIRY_LATE_MS = 250;
/** What the next owner may take longer than a second until it answers, on a machine that is busy. */
const RESTORE_MS = 500;
/** How long the server's mark of an expiry stays; long enough for every watcher. */
const MARKER_TTL_MS = 60_000;
const encoder = new TextEncoder();

export class NatsLeases implements Leases {
  readonly ttlMs: number;
  readonly #kv: KV;

  private constructor(kv: KV, ttlMs: number) {
    this.#kv = kv;
    this.ttlMs = ttlMs;
  }

  /**
   * Creates the bucket if it is not there; the last to start decides how long leases last.
   * @param freeAfterMs so long after its last renewal, at most, a lease is free
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
    const taken = await decided(this.#kv.create(shardKey(shard), holder));
    if (taken !== undefined) return taken;
    // An earlier attempt may have been stored though its answer was lost.
    const entry = await this.#kv.get(shardKey(shard));
    const isOwn = entry?.operation === 'PUT' && entry.string() === holder;
    return isOwn ? decided(this.#kv.update(shardKey(shard), encoder.encode(holder), entry.revision)) : undefined;
  }

  async renew(shard: Partition, holder: string, revision: number): Promise<number | undefined> {
    const renewed = await decided(this.#kv.update(shardKey(shard), encoder.encode(holder), revision));
    // Refused: it has expired and may be free, or the answer to an earlier renewal was lost.
    return renewed ?? this.take(shard, holder);
  }

  async release(shard: Partition, revision: number): Promise<void> {
    await decided(this.#kv.delete(shardKey(shard), { previousSeq: revision }).then(() => 0));
  }

  async announce(member: Member): Promise<void> {
    await this.#kv.put(memberKey(member.id), JSON.stringify(member));
  }

  async withdraw(member: Member): Promise<void> {
    await this.#kv.delete(memberKey(member.id));
  }

  /** Those that are announced now. */
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
    if (!signal.aborted) throw new Error('the watch of the leases ended');
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

/** Undefined where the server refused what was expected; any other error leaves the outcome open. */
async function decided(write: Promise<number>): Promise<number | undefined> {
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
