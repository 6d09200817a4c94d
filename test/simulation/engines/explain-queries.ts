// The queries of ClickHouse for an explanation, on rows in memory.
import type {
  DoorwayTotal,
  EventsQuery,
  ExitsAtInstant,
  ExitsAtZero,
  ExitsAtZeroQuery,
} from '../../../src/ports/history.ts';
import type { Row } from './memory-history.ts';
import { isIncluded } from './events-of-rows.ts';
import { compare } from './compare.ts';

type Stored = Pick<
  Row,
  'timestampMs' | 'readingId' | 'doorwayId' | 'dpuId' | 'entrances' | 'exits' | 'sign' | 'block'
> &
  Partial<Pick<Row, 'epoch' | 'commitSeq'>>;

/** @param rows of the space that is asked for */
export function doorwayTotals(rows: readonly Stored[], { block, upTo, afterMs, upToMs }: EventsQuery): DoorwayTotal[] {
  const totals = new Map<string, { -readonly [Field in keyof DoorwayTotal]: DoorwayTotal[Field] }>();
  for (const row of rows) {
    const { doorwayId, dpuId, entrances, exits, sign, timestampMs } = row;
    if (!isIncluded(row, { block, upTo }) || timestampMs <= afterMs || timestampMs > upToMs) continue;
    const total = totals.get(`${doorwayId} ${dpuId}`) ?? { doorwayId, dpuId, entrances: 0, exits: 0 };
    totals.set(`${doorwayId} ${dpuId}`, total);
    total.entrances += sign * entrances;
    total.exits += sign * exits;
  }
  return [...totals.values()];
}

/** @param rows of the space that is asked for */
export function exitsAtZero(
  rows: readonly Stored[],
  { block, upTo, edgesMs, starts, unstored, limit }: ExitsAtZeroQuery,
): ExitsAtZero[] {
  const changes = new Map<string, { timestampMs: number; readingId: string; change: number }>();
  for (const { timestampMs, readingId, entrances, exits, sign } of [
    ...rows.filter((row) => isIncluded(row, { block, upTo })),
    ...unstored,
  ]) {
    const key = `${timestampMs} ${readingId}`;
    const found = changes.get(key) ?? { timestampMs, readingId, change: 0 };
    changes.set(key, found);
    found.change += (entrances - exits) * sign;
  }
  const inOrder = [...changes.values()].sort((a, b) =>
    compare([a.timestampMs, a.readingId], [b.timestampMs, b.readingId]),
  );
  return starts.map(({ net: startNet, lowestNet }, gap) => {
    const [fromMs, toMs] = [edgesMs[gap] ?? 0, edgesMs[gap + 1] ?? 0];
    let [net, lowest] = [startNet, Math.min(0, lowestNet)];
    const byInstant = new Map<number, number>();
    for (const { timestampMs, change } of inOrder) {
      if (timestampMs <= fromMs || timestampMs > toMs) continue;
      net += change;
      if (net >= lowest) continue;
      byInstant.set(timestampMs, (byInstant.get(timestampMs) ?? 0) + lowest - net);
      lowest = net;
    }
    const instants = [...byInstant].map(([timestampMs, exits]): ExitsAtInstant => ({ timestampMs, exits })).reverse();
    return {
      sum: net - startNet,
      exits: instants.reduce((sum, { exits }) => sum + exits, 0),
      newest: instants.slice(0, limit),
    };
  });
}
