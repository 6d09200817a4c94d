import type { Passed } from '../../../src/domain/measure.ts';
import type { PassagesQuery } from '../../../src/ports/history.ts';
import { isIncluded } from './events-of-rows.ts';
import type { Row } from './memory-history.ts';

/** @param rows of all spaces that are asked for */
export function passages(rows: readonly Row[], { source, spaces, upTo, edgesMs }: PassagesQuery): Passed[] {
  const blocks = new Map(spaces.map(({ spaceId, block }) => [spaceId, block]));
  const found = rows.filter(
    (row) =>
      row.primary &&
      isIncluded(row, { block: blocks.get(row.spaceId) ?? 0, upTo }) &&
      ('dpuId' in source ? row.dpuId === source.dpuId : row.doorwayId === source.doorwayId),
  );
  return edgesMs.slice(0, -1).map((edge, gap) => {
    const sum = { entrances: 0, exits: 0 };
    for (const { timestampMs, isEgress, entrances, exits, sign } of found) {
      if (timestampMs <= edge || timestampMs > (edgesMs[gap + 1] ?? edge)) continue;
      sum.entrances += sign * (isEgress ? exits : entrances);
      sum.exits += sign * (isEgress ? entrances : exits);
    }
    return sum;
  });
}
