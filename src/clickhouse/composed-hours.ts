// Segments of spaces from stored hours and events, put together in this process. Most of what a question costs ClickHouse is to
// plan its queries. Hours that are returned as they are stored, in one query with the slots that have changed, take a quarter of
// the CPU of summing them up there (segments-by-hour.ts).
//
// Events are summed up in ClickHouse. Which ones are read depends on which slots have changed. A slot that had changed for an earlier
// question is still changed, so its events are read at the same time as the hours. If more slots have changed by now, all events
// are asked for again: the guess changes no answer.
import type { ClickHouseClient } from '@clickhouse/client';
import { rangeOfSlots, slotOf, type EventRange, type SlotSpan } from '../domain/hours.ts';
import type { SpaceId } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import { append, EMPTY_SEGMENT, type Segment } from '../domain/segment.ts';
import {
  changedSlots,
  FIRST_KNOWN,
  plansOf,
  VERSION_KNOWN,
  type ChangedOfSpaces,
  type HoursQuestion,
  type PlannedSpace,
  type StoredOfSpaces,
} from './hours-plan.ts';
import { storable } from './instants.ts';
import { isTooMuchTogether, plannedRows } from './planned-rows.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace } from './rows-of-spaces.ts';
import { segmentRows, toSegment } from './segment-query.ts';
import type { StoredBlocks } from './stored-blocks.ts';

/** Events after an instant, up to that of the next piece or an earlier one. */
interface Piece {
  readonly afterMs: number;
  readonly segment: Segment;
}

type PiecesOfSpaces = ReadonlyMap<SpaceId, readonly Piece[]>;

/** By space, one segment for each range between edges. */
export async function composedSegments(
  client: ClickHouseClient,
  blocks: StoredBlocks,
  question: HoursQuestion,
  stored: StoredOfSpaces,
): Promise<Map<SpaceId, Segment[]>> {
  const guess = guessed(blocks, question, stored);
  const guessedPlans = guess && plansOf(question, stored, guess);
  const [hours, guessedEvents] = await Promise.all([
    readHours(client, question, stored),
    guessedPlans && piecesOfEvents(client, question, guessedPlans),
  ]);
  const changed = new Map<SpaceId, Set<number>>();
  for (const [spaceId, { block }] of stored) {
    const slots = new Set(slotsToRead(hours.get(spaceId)));
    changed.set(spaceId, slots);
    if (!question.upTo) blocks.foundChanged(spaceId, block, slots);
  }
  const isRight = guessedPlans?.every(({ spaceId, plan }) => !isAnyIn(changed.get(spaceId) ?? [], plan.slots));
  const plans = guessedPlans && isRight ? guessedPlans : plansOf(question, stored, changed);
  const events = guessedEvents && isRight ? guessedEvents : await piecesOfEvents(client, question, plans);
  return new Map(
    plans.map(({ spaceId, plan }) => {
      const pieces = [...piecesOfHours(hours.get(spaceId), plan.slots), ...(events.get(spaceId) ?? [])];
      return [spaceId, composed(pieces, question.edgesMs)];
    }),
  );
}

/** Undefined if there is nothing to guess from. What was known at a place is another question for each place. */
function guessed(
  blocks: StoredBlocks,
  { spaces, upTo }: HoursQuestion,
  stored: StoredOfSpaces,
): ChangedOfSpaces | undefined {
  if (upTo) return undefined;
  const found = new Map<SpaceId, ReadonlySet<number>>();
  for (const { spaceId, block } of spaces) {
    const storedBlock = stored.get(spaceId)?.block;
    if (storedBlock === undefined) continue;
    const changed = storedBlock < block ? blocks.changedSince(spaceId, storedBlock) : new Set<number>();
    if (!changed) return undefined;
    found.set(spaceId, changed);
  }
  return found;
}

function isAnyIn(slots: Iterable<number>, spans: readonly SlotSpan[]): boolean {
  for (const slot of slots) if (spans.some(({ first, last }) => slot >= first && slot <= last)) return true;
  return false;
}

/** What is read of a slot: its newest version of which everything was known, and whether a later one was known in part. */
interface ReadSlot {
  /** Of the newest version of which anything was known. */
  begunBlock: number;
  block: number;
  /** Undefined if it has no events. */
  segment: Segment | undefined;
  isChanged: boolean;
}

type ReadHours = ReadonlyMap<number, ReadSlot>;

function* slotsToRead(hours: ReadHours | undefined): Generator<number> {
  for (const [slot, { isChanged, begunBlock, block }] of hours ?? []) if (isChanged || begunBlock > block) yield slot;
}

/** With block 0 and nothing else for a slot in which later blocks have rows. */
type HourRow = readonly [
  ...[spaceId: number, slot: number, block: number, isBegun: number, isKnown: number],
  ...[net: number, lowest: number, highest: number, rise: number, entrances: number, exits: number, events: number],
];

async function readHours(
  client: ClickHouseClient,
  question: HoursQuestion,
  stored: StoredOfSpaces,
): Promise<Map<SpaceId, ReadHours>> {
  const { edgesMs, upTo } = question;
  const changed = changedSlots(question, stored, ', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0');
  const rows = await queryRows<HourRow>(
    client,
    `SELECT space_id, slot, block, ${upTo ? FIRST_KNOWN : '1'} AS begun, ${upTo ? VERSION_KNOWN : '1'} AS known, net, lowest, highest, rise, entrances, exits, events
    FROM segments_by_hour WHERE ${OF_SPACES} AND block <= ${ofItsSpace('since', 'UInt64')} AND slot >= {firstSlot:UInt32} AND slot <= {lastSlot:UInt32}
    ${upTo ? '' : 'ORDER BY space_id, slot, block DESC LIMIT 1 BY space_id, slot'}
    UNION ALL ${changed.sql}`,
    {
      ...changed.params,
      firstSlot: slotOf(Math.max(0, edgesMs[0] ?? 0)),
      lastSlot: slotOf(storable(edgesMs.at(-1) ?? 0)),
    },
  );
  const found = new Map<SpaceId, Map<number, ReadSlot>>();
  for (const row of rows) {
    const spaceId = Number(row[0]) as SpaceId;
    const slots = found.get(spaceId) ?? new Map<number, ReadSlot>();
    found.set(spaceId, slots);
    addRow(slots, row);
  }
  return found;
}

function addRow(slots: Map<number, ReadSlot>, row: HourRow): void {
  const [, slot, blockText, isBegun, isKnown, net, lowest, highest, rise, entrances, exits, events] = row;
  let read = slots.get(Number(slot));
  if (!read) slots.set(Number(slot), (read = { begunBlock: 0, block: 0, segment: undefined, isChanged: false }));
  const block = Number(blockText);
  if (block === 0) read.isChanged = true;
  if (isBegun) read.begunBlock = Math.max(read.begunBlock, block);
  if (!isKnown || block <= read.block) return;
  read.block = block;
  read.segment = Number(events) > 0 ? toSegment([0, net, lowest, highest, rise, entrances, exits, events]) : undefined;
}

function* piecesOfHours(hours: ReadHours | undefined, spans: readonly SlotSpan[]): Generator<Piece> {
  for (const [slot, { segment }] of hours ?? [])
    if (segment && isAnyIn([slot], spans))
      yield { afterMs: rangeOfSlots({ first: slot, last: slot }).afterMs, segment };
}

/** Sums up the events of plans, divided where edges are and where their ranges begin. */
async function piecesOfEvents(
  client: ClickHouseClient,
  question: HoursQuestion,
  plans: readonly PlannedSpace[],
): Promise<PiecesOfSpaces> {
  const found = new Map<SpaceId, Piece[]>();
  const ranges = plans.flatMap(({ plan }) => plan.events);
  if (ranges.length === 0) return found;
  const { events, params } = plannedRows(plans, question.upTo);
  if (plans.length > 1 && (await isTooMuchTogether(client, plans, { events, params }))) {
    for (const one of plans)
      for (const [spaceId, pieces] of await piecesOfEvents(client, question, [one])) found.set(spaceId, [...pieces]);
    return found;
  }
  const rows = await segmentRows(client, plans, events, params, startsOf(ranges, question.edgesMs));
  for (const row of rows)
    addTo(found, Number(row[0][0]) as SpaceId, { afterMs: Number(row[0][1]), segment: toSegment(row) });
  return found;
}

function startsOf(ranges: readonly EventRange[], edgesMs: readonly number[]): number[] {
  const starts = new Set(ranges.map(({ afterMs }) => afterMs));
  for (const edge of edgesMs)
    if (ranges.some(({ afterMs, upToMs }) => edge > afterMs && edge < upToMs)) starts.add(edge);
  return [...starts].sort((a, b) => a - b);
}

/** One segment for each range between edges; no piece reaches over one. */
function composed(pieces: readonly Piece[], edgesMs: readonly number[]): Segment[] {
  const segments = edgesMs.slice(1).map(() => EMPTY_SEGMENT);
  let gap = 0;
  for (const { afterMs, segment } of [...pieces].sort((a, b) => a.afterMs - b.afterMs)) {
    while ((edgesMs[gap + 1] ?? Infinity) <= afterMs) gap += 1;
    segments[gap] = append(segments[gap] ?? EMPTY_SEGMENT, segment);
  }
  return segments;
}
