// The count after each stored event, over all spaces, including deleted ones: by time, and then by space.
import type { TimeRange } from '../domain/filter.ts';
import type { SpaceId } from '../domain/ids.ts';
import { END_MS } from '../domain/instant.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import { resetInForce } from '../domain/reset-schedule.ts';
import { advance, EMPTY_SEGMENT, occupancyAfterReset } from '../domain/segment.ts';
import { compareEvents, type EventPlace } from '../domain/space-event.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { EventPages, TimedSpace } from '../ports/event-pages.ts';
import { scheduleIn } from './schedule-of.ts';
import { countedFrom, type CountAfterEvent, type CountsPageQuery } from './space-events.ts';

interface CountsOfAllDeps {
  readonly pages: Pick<EventPages, 'spacesByTime' | 'countAllEvents' | 'segmentsOf' | 'eventsOf'>;
  readonly view: TopologyView;
  /** By partition, the last block that is included; undefined for everything that is stored. */
  readonly blocks: readonly number[] | undefined;
}

export class CountsOfAll {
  readonly #pages: CountsOfAllDeps['pages'];
  readonly #view: TopologyView;
  readonly #blocks: readonly number[] | undefined;

  constructor({ pages, view, blocks }: CountsOfAllDeps) {
    this.#pages = pages;
    this.#view = view;
    this.#blocks = blocks;
  }

  async total(range: TimeRange): Promise<number> {
    return this.#pages.countAllEvents(range, this.#blocks);
  }

  async page({ range, after, desc, limit }: CountsPageQuery): Promise<CountAfterEvent[]> {
    const found: CountAfterEvent[] = [];
    const blocks = this.#blocks;
    for (let [place, rowsMax]: [EventPlace | null, number] = [after, limit * 2]; found.length < limit;) {
      const rows: TimedSpace[] = await this.#pages.spacesByTime({ range, after: place, desc, limit: rowsMax, blocks });
      const [first, last] = [rows[0], rows.at(-1)];
      if (!first || !last) break;
      const isAll = rows.length < rowsMax;
      // Only whole milliseconds, because a reading has events in two spaces. The next page may continue within the
      // last millisecond.
      if (!isAll && first.timestampMs === last.timestampMs) {
        rowsMax *= 4;
        continue;
      }
      const edgeMs = isAll ? last.timestampMs : last.timestampMs + (desc ? 1 : -1);
      const spaces = [...new Set(rows.map(({ spaceId }) => spaceId))].filter((id) => this.#view.space(id));
      const narrowed = {
        fromMs: Math.max(range.fromMs, Math.min(first.timestampMs, edgeMs)),
        toMs: Math.min(range.toMs, Math.max(first.timestampMs, edgeMs)),
      };
      const here = (await this.#countedOf(spaces, narrowed)).filter(
        (event) => !place || (desc ? -1 : 1) * compareEvents(event, place) > 0,
      );
      found.push(...here.sort((a, b) => (desc ? -1 : 1) * (compareEvents(a, b) || a.spaceId - b.spaceId)));
      if (isAll) break;
      place = { timestampMs: edgeMs, readingId: desc ? '' : '\uffff' };
    }
    return found.slice(0, limit);
  }

  /** Every event of some spaces in a range, in event order for each space, with the count after it. */
  async #countedOf(spaceIds: readonly SpaceId[], range: TimeRange): Promise<CountAfterEvent[]> {
    const spaces = spaceIds.map((spaceId) => {
      const schedule = scheduleIn(this.#view, spaceId);
      return { spaceId, schedule, block: this.#blockOf(spaceId), base: resetInForce(schedule, range.fromMs - 1) };
    });
    const asked = spaces.map(({ spaceId, block, base }) => ({ spaceId, block, afterMs: base.timestampMs }));
    const [runs, events] = await Promise.all([
      this.#pages.segmentsOf(asked, range.fromMs - 1),
      this.#pages.eventsOf(asked, range),
    ]);
    return spaces.flatMap(({ spaceId, schedule, block, base }) => {
      const occupancy = advance(occupancyAfterReset(base.count), runs.get(spaceId) ?? EMPTY_SEGMENT);
      // Only events that the watermark has passed are stored.
      const stored = { spaceId, storedBlock: block, watermarkMs: END_MS, unstored: [] };
      return countedFrom({ occupancy, atMs: range.fromMs }, stored, schedule, events.get(spaceId) ?? []);
    });
  }

  #blockOf(spaceId: SpaceId): number {
    return this.#blocks ? (this.#blocks[partitionOfSpace(spaceId, this.#blocks.length)] ?? 0) : Number.MAX_SAFE_INTEGER;
  }
}
