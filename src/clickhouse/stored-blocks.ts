// Up to which block the hours of spaces are stored. What is stored stays right, because rows of stored blocks never change: an
// answer from an earlier block reads more events, and is the same. So this is asked again only every few minutes, which saves
// the most expensive query of a question about hours. That what was known is still stored is asked at the same time as the
// question: somebody may have emptied the tables, or restored them as they were at an earlier time.
import type { ClickHouseClient } from '@clickhouse/client';
import { LastKnown } from '../runtime/last-known.ts';
import type { SpaceId } from '../domain/ids.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';

/** They are stored every six hours. */
const KEPT_MS = 600_000;
const SPACES_MAX = 100_000;
/** Of each space. The hours since they were stored are among them; a move may change all. */
const CHANGED_MAX = 24;
/** When stored hours are read, and where they are summed up. */
export interface HoursLimits {
  /** More hours are summed up in ClickHouse: this process answers nobody else while it reads them. */
  readonly readMax: number;
  /** A space with so many rows since its reset is read from stored hours by `segmentsSince`, and others from events. */
  readonly rowsMin: number;
}

/** 20,000 hours take this process some 20 ms. Hours take longer than 10,000 rows and less time than 250,000 (bench/RESULTS.md). */
export const HOURS_LIMITS: HoursLimits = { readMax: 20_000, rowsMin: 100_000 };

type SpaceAtBlock = Readonly<Record<'spaceId', SpaceId> & Record<'block', number>>;

export interface StoredHours {
  readonly shard: number;
  /** Up to which the hours are stored. */
  readonly block: number;
  /** How many versions of hours there were when this was read. */
  readonly versions: number;
}

interface Kept extends StoredHours {
  readonly readMs: number;
  readonly changed: ReadonlySet<number> | undefined;
}

export class StoredBlocks {
  readonly #client: ClickHouseClient;
  readonly limits: HoursLimits;
  readonly #kept = new LastKnown<SpaceId, Kept>(SPACES_MAX);

  constructor(client: ClickHouseClient, limits = HOURS_LIMITS) {
    this.#client = client;
    this.limits = limits;
  }

  /**
   * Asks a question whose answer does not depend on which hours are stored. Asks it again if hours that were known to be stored
   * are gone. @param ask gets what is stored; spaces without any hours up to their block are left out
   */
  async using<T>(
    spaces: readonly SpaceAtBlock[],
    ask: (stored: ReadonlyMap<SpaceId, StoredHours>) => Promise<T>,
  ): Promise<T> {
    const { stored, kept } = await this.#of(spaces);
    const [answer, areStored] = await Promise.all([ask(stored), this.#areStored(kept)]);
    if (areStored) return answer;
    for (const { spaceId } of spaces) this.#kept.delete(spaceId);
    return this.using(spaces, ask);
  }

  async #of(
    spaces: readonly SpaceAtBlock[],
  ): Promise<{ stored: Map<SpaceId, StoredHours>; kept: readonly StoredHours[] }> {
    const found = new Map<SpaceId, StoredHours>();
    const oldestMs = performance.now() - KEPT_MS;
    const unknown = spaces.filter(({ spaceId, block }) => {
      const kept = this.#kept.get(spaceId);
      if (!kept || kept.block > block || kept.readMs < oldestMs) return true;
      found.set(spaceId, kept);
      return false;
    });
    const kept = [...found.values()];
    for (const [spaceId, hours] of unknown.length > 0 ? await this.#read(unknown) : []) {
      found.set(spaceId, hours);
      const before = this.#kept.get(spaceId);
      if (before && before.block > hours.block) continue;
      const changed = before?.block === hours.block ? before.changed : undefined;
      this.#kept.set(spaceId, { ...hours, readMs: performance.now(), changed });
    }
    return { stored: found, kept };
  }

  async #areStored(kept: readonly StoredHours[]): Promise<boolean> {
    const marks = new Map(kept.map(({ shard, block }) => [`${shard} ${block}`, [shard, block] as const]));
    if (marks.size === 0) return true;
    const [row] = await queryRows<[string]>(
      this.#client,
      'SELECT uniqExact(shard, block) FROM stored_hours WHERE (shard, block) IN arrayZip({shards:Array(UInt16)}, {blocks:Array(UInt64)})',
      { shards: [...marks.values()].map(([shard]) => shard), blocks: [...marks.values()].map(([, block]) => block) },
    );
    return Number(row?.[0]) === marks.size;
  }

  /**
   * Slots in which rows of later blocks were found. A guess, because there may be more by now; undefined if nobody has looked for them.
   */
  changedSince(spaceId: SpaceId, block: number): ReadonlySet<number> | undefined {
    const kept = this.#kept.get(spaceId);
    return kept?.block === block ? kept.changed : undefined;
  }

  /** @param slots all that have changed in some span since the hours were stored up to `block` */
  foundChanged(spaceId: SpaceId, block: number, slots: ReadonlySet<number>): void {
    const kept = this.#kept.get(spaceId);
    if (kept?.block !== block) return;
    const all = new Set([...(kept.changed ?? []), ...slots]);
    this.#kept.set(spaceId, { ...kept, changed: all.size <= CHANGED_MAX ? all : undefined });
  }

  async #read(spaces: readonly SpaceAtBlock[]): Promise<[SpaceId, StoredHours][]> {
    const rows = await queryRows<[number, number, string, string]>(
      this.#client,
      `WITH owned AS (SELECT space_id, shard, count() AS versions FROM segments_by_hour WHERE ${OF_SPACES} GROUP BY space_id, shard)
      SELECT space_id, shard, max(block), any(versions) FROM stored_hours INNER JOIN owned USING (shard)
      WHERE shard IN (SELECT shard FROM owned) AND ${UP_TO_BLOCKS} GROUP BY space_id, shard`,
      spacesParams(spaces),
    );
    return rows.map(([spaceId, shard, block, versions]) => [
      Number(spaceId) as SpaceId,
      { shard: Number(shard), block: Number(block), versions: Number(versions) },
    ]);
  }
}
