// Which part of a question about spaces is summed up from stored hours, and which from events. A stored hour is right unless
// later blocks have rows in it. For what was known at a place, a version of an hour is right if all of its commits were known
// and none that was added to it later.
import type { ClickHouseClient } from '@clickhouse/client';
import { planSlots, type SlotsPlan } from '../domain/hours.ts';
import type { SpaceId } from '../domain/ids.ts';
import { addTo, least } from '../domain/lists.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { DAY_MS } from '../domain/zone.ts';
import { instantParam, storable } from './instants.ts';
import { knownRows, upToParams } from './known-rows.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';
import { SLOT } from './stored-hours.ts';

/** Planning takes two queries. Below this span, reading the events costs less. */
export const SPAN_MIN_MS = 2 * DAY_MS;

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

const FIRST_KNOWN = '(first_epoch, first_seq) <= ({upToEpoch:UInt32}, {upToSeq:UInt64})';
export const VERSION_KNOWN = '(last_epoch, last_seq) <= ({upToEpoch:UInt32}, {upToSeq:UInt64})';

/** @returns undefined if the span is so short that events are read, or if no space has stored hours */
export async function hoursFor(client: ClickHouseClient, question: HoursQuestion): Promise<PlannedSpace[] | undefined> {
  const { edgesMs, spaces } = question;
  const [firstMs, lastMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  if (spaces.length === 0 || lastMs - firstMs < SPAN_MIN_MS) return undefined;
  const stored = await storedBlocks(client, spaces);
  if (stored.size === 0) return undefined;
  const withHours = spaces.filter(({ spaceId }) => stored.has(spaceId));
  const changed = await changedSlots(client, { ...question, spaces: withHours }, stored);
  return spaces.map(({ spaceId, block, untilMs = Infinity }) => {
    const storedBlock = stored.get(spaceId) ?? 0;
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

/** A space belongs to the shard of its hours. One without any is left out. */
async function storedBlocks(client: ClickHouseClient, spaces: HoursQuestion['spaces']): Promise<Map<SpaceId, number>> {
  const rows = await queryRows<[number, string]>(
    client,
    `WITH owned AS (SELECT DISTINCT space_id, shard FROM segments_by_hour WHERE ${OF_SPACES})
    SELECT space_id, max(block) FROM stored_hours INNER JOIN owned USING (shard)
    WHERE shard IN (SELECT shard FROM owned) AND ${UP_TO_BLOCKS} GROUP BY space_id`,
    spacesParams(spaces),
  );
  return new Map(rows.map(([spaceId, block]) => [Number(spaceId) as SpaceId, Number(block)]));
}

async function changedSlots(
  client: ClickHouseClient,
  { edgesMs, spaces, upTo }: HoursQuestion,
  stored: ReadonlyMap<SpaceId, number>,
): Promise<Map<SpaceId, number[]>> {
  const since = spaces.map(({ spaceId }) => stored.get(spaceId) ?? 0);
  const versions = `
    UNION ALL SELECT space_id, slot FROM segments_by_hour
    WHERE ${OF_SPACES} AND block <= ${ofItsSpace('since', 'UInt64')}
    GROUP BY space_id, slot HAVING maxIf(block, ${FIRST_KNOWN}) > maxIf(block, ${VERSION_KNOWN})`;
  const rows = await queryRows<[number, string]>(
    client,
    // The least block of all is a constant, with which an index skips nearly all rows.
    `SELECT DISTINCT space_id, ${SLOT} AS slot FROM space_events
    WHERE ${OF_SPACES} AND block > {leastSince:UInt64} AND block > ${ofItsSpace('since', 'UInt64')} AND ${knownRows({ upTo }, UP_TO_BLOCKS)}
      AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}${upTo ? versions : ''}`,
    {
      ...{ ...spacesParams(spaces), since, leastSince: least(since) ?? 0 },
      ...{ first: storable(edgesMs[0] ?? 0), last: storable(edgesMs.at(-1) ?? 0), ...upToParams(upTo) },
    },
  );
  const changed = new Map<SpaceId, number[]>();
  for (const [spaceId, slot] of rows) addTo(changed, Number(spaceId) as SpaceId, Number(slot));
  return changed;
}
