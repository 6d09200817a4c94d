// Draws a change of the topology that corrects counts, for a dry run: one command, or several as an import would have them.
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { readingOfIdentity } from '../../src/domain/reading.ts';
import type { SingleFact } from '../../src/domain/topology.ts';
import { decideRegistration, type Registration, type TopologyCommand } from '../../src/domain/topology-command.ts';
import { TopologyDraft } from '../../src/domain/topology-draft.ts';
import type { TopologyView } from '../../src/domain/topology-history.ts';
import { decideTopology } from '../../src/domain/topology-command.ts';
import type { Random } from './random.ts';

/** How a change is decided on a state of the topology; throws a Failure if it is refused. */
export type DrawnChange = (view: TopologyView, nowMs: number) => readonly SingleFact[];

/** @param instants near which something happened @param readingIds of readings that were sent */
export function drawChange(
  random: Random,
  view: TopologyView,
  instants: readonly number[],
  readingIds: readonly string[],
): DrawnChange {
  if (random.chance(0.15)) {
    const commands = Array.from({ length: random.int(2, 4) }, () => registration(random, view, instants));
    return (current, nowMs) => {
      const draft = new TopologyDraft(current);
      return commands.map((command) => {
        const fact = decideRegistration(draft, command, nowMs);
        draft.apply(fact);
        return fact;
      });
    };
  }
  const command = random.chance(0.4)
    ? others(random, view, instants, readingIds)
    : registration(random, view, instants);
  return (current, nowMs) => [decideTopology(current, command, nowMs)];
}

const instantOf = (random: Random, instants: readonly number[]): number =>
  Math.max(0, random.pick(instants) + random.pick([-3_600_000, -1, 0, 0, 1, 60_000]));

function registration(random: Random, view: TopologyView, instants: readonly number[]): Registration {
  const dpus = view.dpus().filter(({ deleted }) => !deleted);
  const doorways = view.doorways().filter(({ deleted }) => !deleted);
  const spaces = view.spaces().filter(({ deleted }) => !deleted);
  const someDpu = (): DpuId => (dpus.length > 0 ? random.pick(dpus).id : ('d1' as DpuId));
  const someDoorway = (): DoorwayId | null =>
    doorways.length === 0 || random.chance(0.2) ? null : random.pick(doorways).id;
  const someSpace = (): SpaceId | null => (spaces.length === 0 || random.chance(0.2) ? null : random.pick(spaces).id);
  const effectiveMs = random.chance(0.8) ? instantOf(random, instants) : undefined;
  switch (random.weighted({ move: 5, place: 2, flip: 3, exclude: 4, modulus: 2 })) {
    case 'move':
      return { kind: 'placeDpu', id: someDpu(), doorwayId: someDoorway(), effectiveMs };
    case 'place':
      return {
        kind: 'createDpu',
        id: `d${random.int(1, 5)}` as DpuId,
        doorwayId: someDoorway(),
        effectiveMs: random.chance(0.5) ? effectiveMs : undefined,
      };
    case 'flip': {
      const id = doorways.length > 0 ? random.pick(doorways).id : (1 as DoorwayId);
      const now = view.doorway(id);
      const fields = random.chance(0.5)
        ? { ingressSpaceId: now?.egressSpaceId ?? null, egressSpaceId: now?.ingressSpaceId ?? null }
        : { ingressSpaceId: someSpace(), egressSpaceId: someSpace() };
      return { kind: 'updateDoorway', id, fields };
    }
    case 'exclude': {
      const [a, b] = [instantOf(random, instants), instantOf(random, instants)];
      return {
        kind: 'excludeReadings',
        dpuId: someDpu(),
        fromMs: Math.min(a, b),
        toMs: Math.max(a, b) + 1,
        reason: 'a test',
      };
    }
    case 'modulus':
      return { kind: 'placeDpu', id: someDpu(), counterModulus: random.pick([null, 12, 100]) };
  }
}

function others(
  random: Random,
  view: TopologyView,
  instants: readonly number[],
  readingIds: readonly string[],
): TopologyCommand {
  const spaces = view.spaces().filter(({ deleted }) => !deleted);
  const spaceId = spaces.length > 0 ? random.pick(spaces).id : (1 as SpaceId);
  const timestampMs = instantOf(random, instants);
  const count = random.int(0, 4);
  const [resets, dpus] = [view.resets(spaceId), view.dpus().filter(({ deleted }) => !deleted)];
  const id = resets.length > 0 ? random.pick(resets).id : 1;
  const dpuId = dpus.length > 0 ? random.pick(dpus).id : ('d1' as DpuId);
  const exclusions = view.exclusions(dpuId).filter(({ deleted }) => !deleted);
  const [deletions, reading] = [
    view.deletions(),
    readingIds.length > 0 ? readingOfIdentity(random.pick(readingIds)) : undefined,
  ];
  const restored = deletions.length > 0 ? readingOfIdentity(random.pick(deletions).readingId) : undefined;
  const kinds = { reset: 3, changeReset: 2, deleteReset: 1, include: 2, deleteDpu: 1, daily: 1 };
  switch (random.weighted({ ...kinds, deleteReading: reading ? 4 : 0, restore: restored ? 3 : 0 })) {
    case 'reset':
      return { kind: 'recordReset', spaceId, timestampMs, count };
    case 'changeReset':
      return { kind: 'changeReset', spaceId, id, count, ...(random.chance(0.5) ? { timestampMs } : {}) };
    case 'deleteReset':
      return { kind: 'deleteReset', spaceId, id };
    case 'include':
      return { kind: 'deleteExclusion', dpuId, id: exclusions.length > 0 ? random.pick(exclusions).id : 1 };
    case 'deleteDpu':
      return { kind: 'deleteDpu', id: dpuId, effectiveMs: timestampMs };
    case 'deleteReading':
      return reading ? { kind: 'deleteReading', reading, reason: 'a test' } : { kind: 'deleteReset', spaceId, id };
    case 'restore':
      return restored ? { kind: 'restoreReading', reading: restored } : { kind: 'deleteReset', spaceId, id };
    case 'daily':
      return {
        kind: 'updateSpace',
        id: spaceId,
        fields: { dailyReset: random.pick([null, '04:00', '23:59']), dailyResetCount: count },
      };
  }
}
