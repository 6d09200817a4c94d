// Which part of a question about spaces is summed up from stored hours, and which from events. A stored hour is right unless
// later blocks have rows in it. For what was known at a place, a version of an hour is right if all of its commits were known
// and none that was added to it later.
import type { ClickHouseClient } from '@clickhouse/client';
import { planSlots, type SlotsPlan } from '../domain/hours.ts';
import type { SpaceId } from '../domain/ids.ts';
import { addToSet, least } from '../domain/lists.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { DAY_MS } from '../domain/zone.ts';
import { instantParam, storable } from './instants.ts';
import { knownRows, upToParams } from './known-rows.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';
import type { StoredHours } from './stored-blocks.ts';
import { SLOT } from './stored-hours.ts';

/** Hours take a query or two more than events. Below this span, reading the events costs less. */
const SPAN_MIN_MS = 2 * DAY_MS;

export interface PlannedSpace {
  readonly spaceId: SpaceId;
  readonly block: number;
  /** Up to which block its hours are stored, and used. */
  readonly storedBlock: number;
  readonly plan: SlotsPlan;
}

export interface HoursQuestion {
  /** Ascending. Nothing after `untilMs` is asked for, and nothing is summed up over an edge. */
  readonly edgesMs: readonly number[];
  readonly spaces: readonly { readonly spaceId: SpaceId; readonly block: number; readonly untilMs?: number }[];
  readonly upTo?: LogPlace | undefined;
}

export type StoredOfSpaces = ReadonlyMap<SpaceId, StoredHours>;
/** By space, the slots whose stored segments are not those that are asked for. */
export type ChangedOfSpaces = ReadonlyMap<SpaceId, ReadonlySet<number>>;

export const FIRST_KNOWN = '(first_epoch, first_seq) <= ({upToEpoch:UInt32}, {upToSeq:UInt64})';
export const VERSION_KNOWN = '(last_epoch, last_seq) <= ({upToEpoch:UInt32}, {upToSeq:UInt64})';

/** True if stored hours are worth looking for. */
export function isForHours({ edgesMs }: Pick<HoursQuestion, 'edgesMs'>): boolean {
  return (edgesMs.at(-1) ?? 0) - (edgesMs[0] ?? 0) >= SPAN_MIN_MS;
}

/** A plan for a query that sums up hours in ClickHouse. */
export async function planFor(
  client: ClickHouseClient,
  question: HoursQuestion,
  stored: StoredOfSpaces,
): Promise<PlannedSpace[]> {
  const { sql, params } = changedSlots(question, stored);
  const versions = `
    UNION ALL SELECT space_id, slot FROM segments_by_hour
    WHERE ${OF_SPACES} AND block <= ${ofItsSpace('since', 'UInt64')}
    GROUP BY space_id, slot HAVING maxIf(block, ${FIRST_KNOWN}) > maxIf(block, ${VERSION_KNOWN})`;
  const rows = await queryRows<[number, string]>(client, `${sql}${question.upTo ? versions : ''}`, params);
  const changed = new Map<SpaceId, Set<number>>();
  for (const [spaceId, slot] of rows) addToSet(changed, Number(spaceId) as SpaceId, Number(slot));
  return plansOf(question, stored, changed);
}

/** A space without stored hours is read as events. */
export function plansOf(
  { edgesMs, spaces }: HoursQuestion,
  stored: StoredOfSpaces,
  changed: ChangedOfSpaces,
): PlannedSpace[] {
  const [firstMs, lastMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  return spaces.map(({ spaceId, block, untilMs = Infinity }) => {
    const storedBlock = stored.get(spaceId)?.block ?? 0;
    const edges = [...edgesMs.filter((edge) => edge < untilMs), Math.min(untilMs, lastMs)];
    const whole = { slots: [], events: [{ afterMs: firstMs, upToMs: Math.min(untilMs, lastMs) }] };
    return {
      spaceId,
      block,
      storedBlock,
      plan: storedBlock > 0 ? planSlots(edges, changed.get(spaceId) ?? []) : whole,
    };
  });
}

/**
 * SQL for the slots in which later blocks have rows, for each space with stored hours.
 * @param more SQL for further columns, each preceded by a comma
 */
export function changedSlots(
  { edgesMs, spaces, upTo }: HoursQuestion,
  stored: StoredOfSpaces,
  more = '',
): { sql: string; params: Record<string, unknown> } {
  const withHours = spaces.filter(({ spaceId }) => stored.has(spaceId));
  const since = withHours.map(({ spaceId }) => stored.get(spaceId)?.block ?? 0);
  return {
    // The least block of all is a constant, with which an index skips nearly all rows.
    sql: `SELECT DISTINCT space_id, ${SLOT} AS slot${more} FROM space_events
    WHERE ${OF_SPACES} AND block > {leastSince:UInt64} AND block > ${ofItsSpace('since', 'UInt64')} AND ${knownRows({ upTo }, UP_TO_BLOCKS)}
      AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}`,
    params: {
      ...{ ...spacesParams(withHours), since, leastSince: least(since) ?? 0 },
      ...{ first: storable(edgesMs[0] ?? 0), last: storable(edgesMs.at(-1) ?? 0), ...upToParams(upTo) },
    },
  };
}
