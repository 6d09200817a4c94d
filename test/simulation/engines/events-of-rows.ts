import { isKnownAt } from '../../../src/domain/log-place.ts';
import type { EventsQuery, HistoryEvent } from '../../../src/ports/history.ts';
import type { Row } from './memory-history.ts';
import { compare } from './compare.ts';

export type StoredRow = Pick<Row, 'timestampMs' | 'readingId' | 'entrances' | 'exits' | 'sign' | 'block'> &
  Partial<Pick<Row, 'epoch' | 'commitSeq'>>;

/** The rows that an answer includes. */
export function isIncluded(
  { block, epoch = 0, commitSeq = 0 }: Pick<StoredRow, 'block' | 'epoch' | 'commitSeq'>,
  { block: last, upTo }: Pick<EventsQuery, 'block' | 'upTo'>,
): boolean {
  return block <= last && (!upTo || isKnownAt({ epoch, seq: commitSeq }, upTo));
}

/**
 * Events in event order, with retractions applied.
 * @param rows of the space that is asked for
 */
export function eventsOfRows(
  rows: readonly StoredRow[],
  { block, upTo, afterMs, upToMs }: Omit<EventsQuery, 'spaceId'>,
): HistoryEvent[] {
  const changes = new Map<string, { row: StoredRow; entrances: number; exits: number }>();
  for (const row of rows) {
    if (row.timestampMs <= afterMs || row.timestampMs > upToMs || !isIncluded(row, { block, upTo })) continue;
    const key = `${row.timestampMs} ${row.readingId}`;
    const change = changes.get(key) ?? { row, entrances: 0, exits: 0 };
    changes.set(key, change);
    change.entrances += row.entrances * row.sign;
    change.exits += row.exits * row.sign;
  }
  return [...changes.values()]
    .filter(({ entrances, exits }) => entrances !== 0 || exits !== 0)
    .map(({ row: { timestampMs, readingId }, entrances, exits }): HistoryEvent => ({
      timestampMs,
      readingId,
      entrances,
      exits,
      sign: 1,
    }))
    .sort((a, b) => compare([a.timestampMs, a.readingId], [b.timestampMs, b.readingId]));
}
