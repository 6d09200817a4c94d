// Pages of events and readings, in memory: those that counts after each event are computed from.
import type { TimeRange } from '../../../src/domain/filter.ts';
import type { SpaceId } from '../../../src/domain/ids.ts';
import type { LogPlace } from '../../../src/domain/log-place.ts';
import { compareEvents } from '../../../src/domain/space-event.ts';
import type { EventPages } from '../../../src/ports/event-pages.ts';
import { fakeOf } from '../../support/fake-of.ts';
import { eventsOfRows, isIncluded } from './events-of-rows.ts';
import { memoryLists } from './memory-lists.ts';
import type { Access } from './memory-cursor.ts';
import { awayError, type MemoryTables, type Row } from './memory-history.ts';

export function memoryEventPages(access: Access, tables: MemoryTables): EventPages {
  const read = async <T>(label: string, apply: () => T): Promise<T> => {
    const answer = await access.scheduler.request(access.owner, {
      label,
      failure: awayError,
      apply: () => (tables.isAway ? undefined : { value: apply() }),
    });
    if (!answer) throw awayError();
    return answer.value;
  };
  const rowsIn = (spaceId: SpaceId, { fromMs, toMs }: TimeRange, block: number, upTo?: LogPlace): Row[] =>
    (tables.rowsOfSpaces.get(spaceId) ?? []).filter(
      (row) => fromMs <= row.timestampMs && row.timestampMs <= toMs && isIncluded(row, { block, upTo }),
    );
  return fakeOf<EventPages>('EventPages', {
    ...memoryLists(read, tables),
    eventPage: async ({ spaceId, block, upTo, range, after, desc, limit }) =>
      read('page of events', () => {
        const sign = desc ? -1 : 1;
        const rows = rowsIn(spaceId, range, block, upTo);
        const found = eventsOfRows(rows, { block, upTo, afterMs: range.fromMs - 1, upToMs: range.toMs })
          .filter((event) => !after || sign * compareEvents(event, after) > 0)
          .sort((a, b) => sign * compareEvents(a, b));
        const events = found.slice(0, limit);
        return { events, end: found.length > limit ? (events.at(-1) ?? null) : null };
      }),
    countEvents: async ({ spaceId, range, block, upTo }) =>
      read('number of events', () =>
        rowsIn(spaceId, range, block, upTo).reduce(
          (total, { entrances, exits, sign }) => total + (entrances + exits > 0 ? sign : 0),
          0,
        ),
      ),
    newestBlock: async (spaceId, range) =>
      read('newest block', () =>
        rowsIn(spaceId, range, Infinity).reduce((newest, { block }) => Math.max(newest, block), 0),
      ),
  });
}
