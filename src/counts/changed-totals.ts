// What has been asserted and retracted in a space since a place, by cause, from history and memory together: history has the blocks
// up to n, and the report has everything after them.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import { ARRIVED, causeOf, UNKNOWN_CAUSES } from '../domain/commit-causes.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import { isKnownAt } from '../domain/log-place.ts';
import type { ChangedTotal, ChangesQuery, History } from '../ports/history.ts';

export type People = Pick<
  ChangedTotal,
  'entrances' | 'exits' | 'net' | 'asserted' | 'retracted' | 'firstMs' | 'lastMs'
>;

export async function changedTotals(
  report: SpaceReport,
  question: Omit<ChangesQuery, 'spaceId' | 'block'>,
  history: Pick<History, 'changesSince'>,
): Promise<ChangedTotal[]> {
  const { spaceId, storedBlock: block, epoch, unstored, causes = UNKNOWN_CAUSES } = report;
  const totals = new Map<string, ChangedTotal>();
  const add = (more: ChangedTotal): void => {
    const key = keyOf(more);
    const before = totals.get(key);
    totals.set(key, before ? { ...before, ...sumOf(before, more) } : more);
  };
  for (const total of await history.changesSince({ ...question, spaceId, block })) add(total);
  const afterMs = Math.min(question.fromMs - 1, question.netAfterMs);
  for (const event of unstored)
    if (
      event.timestampMs > afterMs &&
      event.timestampMs < question.toMs &&
      !isKnownAt({ epoch, seq: event.seq }, question.since)
    )
      add(totalOf(event, causeOf(causes, event.seq), question));
  return [...totals.values()];
}

function totalOf(
  { timestampMs: at, doorwayId, dpuId, entrances, exits, sign }: LoggedEvent,
  cause: string,
  { fromMs, netAfterMs, watermarkMs }: Pick<ChangesQuery, 'fromMs' | 'netAfterMs' | 'watermarkMs'>,
): ChangedTotal {
  const isLate = cause === ARRIVED && at <= watermarkMs;
  const isNew = cause === ARRIVED && !isLate;
  const isInSpan = at >= fromMs;
  return {
    cause,
    isLate,
    doorwayId: isNew ? null : doorwayId,
    dpuId: isNew ? null : dpuId,
    entrances: isInSpan ? sign * entrances : 0,
    exits: isInSpan ? sign * exits : 0,
    net: at > netAfterMs ? sign * (entrances - exits) : 0,
    asserted: sign > 0 ? 1 : 0,
    retracted: sign > 0 ? 0 : 1,
    firstMs: at,
    lastMs: at,
  };
}

export function sumOf(a: People, b: People): People {
  return {
    entrances: a.entrances + b.entrances,
    exits: a.exits + b.exits,
    net: a.net + b.net,
    asserted: a.asserted + b.asserted,
    retracted: a.retracted + b.retracted,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
  };
}

const keyOf = ({ cause, isLate, doorwayId, dpuId }: ChangedTotal): string =>
  `${cause} ${isLate} ${doorwayId ?? ''} ${dpuId ?? ''}`;
