// What a change of the topology means for router k: which readings of its DPUs may count elsewhere now, and which spaces of
// its partition need a new configuration. A dry run uses the same functions for a change that has not been made.
import type { DoorwayId, DpuId, Partition, SpaceId } from './ids.ts';
import type { SpaceConfig } from './commit.ts';
import { BEGINNING_MS, END_MS } from './instant.ts';
import { partitionOfDpu, partitionOfSpace } from './partition.ts';
import { placementsOf, spansAtDoorway, spansOfDifference, type Span } from './placement.ts';
import { isStanding, type Passed } from './measure.ts';
import { readingOfIdentity, type Reading } from './reading.ts';
import { attribute, attributesAlike, dpusOfSpace, type SpaceEvent } from './space-event.ts';
import { factsOf, type Deletion, type Settings, type SingleFact, type TopologyEntry } from './topology.ts';
import type { TopologyHistory, TopologyView } from './topology-history.ts';

const ALWAYS: Span = { fromMs: BEGINNING_MS, toMs: END_MS };

export interface TopologyChange {
  readonly before: TopologyView;
  readonly after: TopologyView;
  /** Spans in which the readings of this router's DPUs have to be attributed again. */
  readonly spans: ReadonlyMap<DpuId, readonly Span[]>;
  /** New configurations of spaces in this partition. */
  readonly configs: readonly SpaceConfig[];
  readonly settings: Settings | undefined;
}

export function changeBetween(
  history: TopologyHistory,
  fromSeq: number,
  toSeq: number,
  router: Partition,
  partitions: number,
): TopologyChange {
  const [before, after] = [history.at(fromSeq), history.at(toSeq)];
  const spans = new Map<DpuId, Span[]>();
  const spaces = new Set<SpaceId>();
  const isOurs = (dpuId: DpuId): boolean => partitionOfDpu(dpuId, partitions) === router;
  let settings: Settings | undefined;
  // Every router looks at every fact, and an import has very many, so nothing is allocated for those of other
  // partitions.
  for (const entry of history.entries(fromSeq, toSeq)) {
    for (const fact of factsOf(entry.fact)) {
      if (fact.kind === 'settings') settings = fact.doc;
      addSpacesTouched(spaces, fact, before, after);
      if (isOfOtherRouter(fact, router, partitions)) continue;
      addSpansTouched(spans, fact, before, after, isOurs);
    }
  }
  const configs = [...spaces]
    .filter((spaceId) => partitionOfSpace(spaceId, partitions) === router)
    .flatMap((spaceId) => configOf(after, spaceId) ?? []);
  return { before, after, spans, configs, settings };
}

/** Spans in which the readings of DPUs have to be attributed again because of one entry. */
export function spansOfEntry(
  history: TopologyHistory,
  { seq, fact }: TopologyEntry,
): ReadonlyMap<DpuId, readonly Span[]> {
  const [before, after] = [history.at(seq - 1), history.at(seq)];
  const spans = new Map<DpuId, Span[]>();
  for (const one of factsOf(fact)) addSpansTouched(spans, one, before, after, () => true);
  return spans;
}

function addSpansTouched(
  spans: Map<DpuId, Span[]>,
  fact: SingleFact,
  before: TopologyView,
  after: TopologyView,
  isWanted: (dpuId: DpuId) => boolean,
): void {
  for (const [dpuId, more] of spansTouched(fact, before, after))
    if (isWanted(dpuId)) spans.set(dpuId, [...(spans.get(dpuId) ?? []), ...more]);
}

function isOfOtherRouter(fact: SingleFact, router: Partition, partitions: number): boolean {
  if (fact.kind === 'dpu') return partitionOfDpu(fact.doc.id, partitions) !== router;
  const isOfDpu = fact.kind === 'exclusion' || fact.kind === 'deletion';
  return isOfDpu && partitionOfDpu(fact.doc.dpuId, partitions) !== router;
}

/** The configurations of the spaces of a partition under a topology. */
export function configsOf(view: TopologyView, partition: Partition, partitions: number): SpaceConfig[] {
  return view
    .spaces()
    .filter(({ id }) => partitionOfSpace(id, partitions) === partition)
    .flatMap(({ id }) => configOf(view, id) ?? []);
}

function configOf(view: TopologyView, spaceId: SpaceId): SpaceConfig | undefined {
  const space = view.space(spaceId);
  if (!space) return undefined;
  const resets = view.resets(spaceId).map(({ timestampMs, count }) => ({ timestampMs, count }));
  const { timeZone, dailyReset, dailyResetCount = 0 } = space;
  return { spaceId, timeZone, dailyReset, dailyResetCount, dpus: dpusOfSpace(view, spaceId), resets };
}

function addSpacesTouched(spaces: Set<SpaceId>, fact: SingleFact, before: TopologyView, after: TopologyView): void {
  switch (fact.kind) {
    case 'space':
      spaces.add(fact.doc.id);
      return;
    case 'reset':
      spaces.add(fact.doc.spaceId);
      return;
    case 'doorway':
      addSides(spaces, fact.doc.id, before, after);
      return;
    case 'dpu':
      for (const dpu of [before.dpu(fact.doc.id), after.dpu(fact.doc.id)])
        for (const { doorwayId } of dpu?.placements ?? [])
          if (doorwayId !== null) addSides(spaces, doorwayId, before, after);
      return;
    case 'device':
    case 'exclusion':
    case 'deletion':
    case 'settings':
    case 'epoch':
  }
}

function addSides(spaces: Set<SpaceId>, id: DoorwayId, before: TopologyView, after: TopologyView): void {
  for (const doorway of [before.doorway(id), after.doorway(id)]) {
    if (!doorway) continue;
    if (doorway.ingressSpaceId !== null) spaces.add(doorway.ingressSpaceId);
    if (doorway.egressSpaceId !== null) spaces.add(doorway.egressSpaceId);
  }
}

/** The instant of the reading. A standing also changes the difference of the next one, whenever that was. */
function spansOfDeletion({ readingId }: Deletion): Span[] {
  const reading = readingOfIdentity(readingId);
  if (!reading) return [];
  const { timestampMs: fromMs, measure } = reading;
  return [{ fromMs, toMs: isStanding(measure) ? END_MS : fromMs + 1 }];
}

function spansTouched(fact: SingleFact, before: TopologyView, after: TopologyView): [DpuId, Span[]][] {
  if (fact.kind === 'dpu') {
    const { id } = fact.doc;
    const [was, is] = [before.dpu(id), after.dpu(id)];
    // A new modulus may change every difference between standings.
    if ((was?.counterModulus ?? null) !== (is?.counterModulus ?? null)) return [[id, [ALWAYS]]];
    return [[id, spansOfDifference(was?.placements ?? [], is?.placements ?? [])]];
  }
  // The span of an exclusion never changes. `isMoved` leaves out what another exclusion covers, too.
  if (fact.kind === 'exclusion') return [[fact.doc.dpuId, [fact.doc]]];
  if (fact.kind === 'deletion') return [[fact.doc.dpuId, spansOfDeletion(fact.doc)]];
  if (fact.kind !== 'doorway') return [];
  const { id } = fact.doc;
  if (attributesAlike(before.doorway(id), after.doorway(id))) return [];
  return [...before.dpusAt(id), ...after.dpusAt(id)].map((dpu) => [dpu.id, spansAtDoorway(dpu.placements, id)]);
}

/** True if two changes have a space or a DPU in common, so that one may alter what the other does. */
export function areRelated(a: TopologyChange, b: TopologyChange): boolean {
  const [x, y] = [touchedBy(a), touchedBy(b)];
  return [...x].some((name) => y.has(name));
}

/** False if the change cannot have an effect on the space. */
export function concernsSpace(change: TopologyChange, spaceId: SpaceId): boolean {
  return touchedBy(change).has(`space ${spaceId}`);
}

function touchedBy({ before, after, spans, configs }: TopologyChange): Set<string> {
  const spaces = new Set(configs.map(({ spaceId }) => spaceId));
  for (const dpuId of spans.keys())
    for (const view of [before, after])
      for (const { doorwayId } of view.dpu(dpuId)?.placements ?? [])
        if (doorwayId !== null) addSides(spaces, doorwayId, before, after);
  return new Set([...[...spaces].map((id) => `space ${id}`), ...[...spans.keys()].map((id) => `DPU ${id}`)]);
}

/**
 * The spaces in which the readings in question may count before a change.
 * @param wider a span beyond those of the change, of which the readings have to be known too
 */
export function spacesBefore({ before, spans }: TopologyChange, wider: Span | undefined): Set<SpaceId> {
  const spaces = new Set<SpaceId>();
  for (const [dpuId, some] of spans)
    for (const { doorwayId, fromMs, toMs } of placementsOf(before.dpu(dpuId)?.placements ?? []))
      if (
        doorwayId !== null &&
        [...some, ...(wider ? [wider] : [])].some((span) => span.fromMs < toMs && fromMs < span.toMs)
      )
        addSides(spaces, doorwayId, before, before);
  return spaces;
}

/** True if a change may affect a reading. */
export function isWithin({ dpuId, timestampMs }: Reading, change: TopologyChange): boolean {
  return (change.spans.get(dpuId) ?? []).some(({ fromMs, toMs }) => fromMs <= timestampMs && timestampMs < toMs);
}

/**
 * True if a reading counts in other spaces, or counts differently, after the change. @param was who
 * passed according to the reading before the change @param is the same after it
 */
export function isMoved(
  { before, after }: Pick<TopologyChange, 'before' | 'after'>,
  reading: Reading,
  was: Passed,
  is: Passed,
): boolean {
  const [old, current] = [attribute(before, reading, was, 1), attribute(after, reading, is, 1)];
  return old.length !== current.length || old.some((event, index) => !isAlike(event, current[index]));
}

/** True if two events of one reading change the same space in the same way. */
export function isAlike(a: Claimed, b: Claimed | undefined): boolean {
  return (
    a.spaceId === b?.spaceId &&
    a.doorwayId === b.doorwayId &&
    a.entrances === b.entrances &&
    a.exits === b.exits &&
    a.isEgress === b.isEgress &&
    a.primary === b.primary
  );
}

type Claimed = Pick<SpaceEvent, 'spaceId' | 'doorwayId' | 'entrances' | 'exits' | 'isEgress' | 'primary'>;
