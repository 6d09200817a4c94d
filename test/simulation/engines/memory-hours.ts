// The stored hours of src/clickhouse/stored-hours.ts in memory, with the same rules: which version of a slot answers a question, and
// what is read from events instead.
import type { Partition, SpaceId } from '../../../src/domain/ids.ts';
import { planSlots, rangeOfSlots, slotOf } from '../../../src/domain/hours.ts';
import { addTo, greatest } from '../../../src/domain/lists.ts';
import { isKnownAt, type LogPlace } from '../../../src/domain/log-place.ts';
import { append, EMPTY_SEGMENT, segmentOf, type Segment } from '../../../src/domain/segment.ts';
import type { EventsQuery } from '../../../src/ports/history.ts';
import { compare } from './compare.ts';
import { eventsOfRows } from './events-of-rows.ts';
import type { Row } from './memory-history.ts';

interface Version {
  readonly slot: number;
  readonly block: number;
  /** The first commit of what this version added, and the last of all of it. */
  readonly first: LogPlace;
  readonly last: LogPlace;
  readonly segment: Segment;
}

/** What blocks of a partition after one, up to another one, have changed. */
interface ChangedHours {
  readonly before: number;
  readonly block: number;
  readonly days: readonly number[];
}

export type SpaceQuery = Pick<EventsQuery, 'spaceId' | 'block' | 'upTo'>;

const SLOTS_OF_DAY = 48;
const commitOf = ({ epoch, commitSeq }: Row): LogPlace => ({ epoch, seq: commitSeq });
const comparePlaces = (a: LogPlace, b: LogPlace): number => compare([a.epoch, a.seq], [b.epoch, b.seq]);

export class MemoryHours {
  readonly #versions = new Map<SpaceId, Version[]>();
  readonly #storedBlocks = new Map<Partition, number[]>();

  /** @param rows all of a partition @returns undefined if nothing has changed */
  changes(rows: readonly Row[], storedBlock: number): ChangedHours | undefined {
    const before = this.#storedBlock(rows, Infinity);
    const changed = rows.filter((row) => row.block > before && row.block <= storedBlock);
    const block = greatest(changed.map((row) => row.block));
    if (block === undefined) return undefined;
    const days = [...new Set(changed.map(({ timestampMs }) => dayOf(slotOf(timestampMs))))];
    return { before, block, days };
  }

  storeDay(rows: readonly Row[], { before, block }: ChangedHours, day: number): void {
    const changed = new Map<string, Row>();
    for (const row of rows)
      if (row.block > before && row.block <= block && dayOf(slotOf(row.timestampMs)) === day)
        changed.set(`${row.spaceId} ${slotOf(row.timestampMs)}`, row);
    for (const { spaceId, timestampMs } of changed.values()) {
      const slot = slotOf(timestampMs);
      const all = rows.filter(
        (row) => row.spaceId === spaceId && row.block <= block && slotOf(row.timestampMs) === slot,
      );
      const [first] = all
        .filter((row) => row.block > before)
        .map(commitOf)
        .sort(comparePlaces);
      const last = all.map(commitOf).sort(comparePlaces).at(-1);
      if (!first || !last) continue;
      const segment = segmentOfRows(all, { block, ...rangeOfSlots({ first: slot, last: slot }) });
      addTo(this.#versions, spaceId, { slot, block: greatest(all.map((row) => row.block)) ?? 0, first, last, segment });
    }
  }

  markStored(partition: Partition, { block }: ChangedHours): void {
    addTo(this.#storedBlocks, partition, block);
  }

  /** @param rows of the space that is asked for */
  segment(rows: readonly Row[], query: SpaceQuery, afterMs: number, upToMs: number): Segment {
    const { spaceId, block, upTo } = query;
    const storedBlock = this.#versions.has(spaceId) ? this.#storedBlock(rows, block) : 0;
    const range = { block, upTo, afterMs, upToMs };
    if (storedBlock === 0) return segmentOfRows(rows, range);
    const since = rows.filter(
      (row) => row.block > storedBlock && row.block <= block && (!upTo || isKnownAt(commitOf(row), upTo)),
    );
    const versions = (this.#versions.get(spaceId) ?? []).filter((version) => version.block <= storedBlock);
    const changed = since.map(({ timestampMs }) => slotOf(timestampMs));
    if (upTo) changed.push(...versions.flatMap(({ slot }) => (isChanged(versions, slot, upTo) ? [slot] : [])));
    const plan = planSlots([afterMs, upToMs], changed);
    const pieces = [
      ...plan.events.map((part) => ({ atMs: part.afterMs, segment: segmentOfRows(rows, { block, upTo, ...part }) })),
      ...plan.slots.flatMap((span) =>
        [...new Set(versions.map(({ slot }) => slot))]
          .filter((slot) => slot >= span.first && slot <= span.last)
          .map((slot) => ({
            atMs: rangeOfSlots({ first: slot, last: slot }).afterMs,
            segment: versionOf(versions, slot, upTo)?.segment ?? EMPTY_SEGMENT,
          })),
      ),
    ];
    return pieces.sort((a, b) => a.atMs - b.atMs).reduce((run, { segment }) => append(run, segment), EMPTY_SEGMENT);
  }

  #storedBlock([row]: readonly Row[], block: number): number {
    const marks = (row && this.#storedBlocks.get(row.partition)) ?? [];
    return greatest(marks.filter((mark) => mark <= block)) ?? 0;
  }
}

const dayOf = (slot: number): number => Math.floor(slot / SLOTS_OF_DAY);

function segmentOfRows(rows: readonly Row[], bounds: Omit<EventsQuery, 'spaceId'>): Segment {
  return eventsOfRows(rows, bounds).reduce((run, event) => append(run, segmentOf(event)), EMPTY_SEGMENT);
}

function versionOf(versions: readonly Version[], slot: number, upTo: LogPlace | undefined): Version | undefined {
  return versions
    .filter((version) => version.slot === slot && (!upTo || isKnownAt(version.last, upTo)))
    .reduce<Version | undefined>((newest, some) => (newest && newest.block >= some.block ? newest : some), undefined);
}

/** True if something was added to the version of a place that was known there, too. */
function isChanged(versions: readonly Version[], slot: number, upTo: LogPlace): boolean {
  const block = versionOf(versions, slot, upTo)?.block ?? 0;
  return versions.some((some) => some.slot === slot && some.block > block && isKnownAt(some.first, upTo));
}
