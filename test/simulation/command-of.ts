// The command of the API that an action of a scenario stands for.
import { MAPPED, PAYLOADS } from './sent.ts';
import type { DoorwayId, SpaceId } from '../../src/domain/ids.ts';
import type { TopologyCommand } from '../../src/domain/topology-command.ts';
import { REASON } from './document-of.ts';
import type { Action } from './scenario.ts';

export function commandOf(
  action: Exclude<
    Action,
    {
      kind:
        | 'publish'
        | 'payload'
        | 'post'
        | 'replay'
        | 'heartbeat'
        | 'tick'
        | 'sleep'
        | 'ask'
        | 'import'
        | 'deleteReading'
        | 'restoreReading'
        | 'logClock'
        | 'start'
        | 'crash'
        | 'stop'
        | 'suspend'
        | 'history'
        | 'rebuild'
        | 'lose'
        | 'flip'
        | 'alter';
    }
  >,
): TopologyCommand {
  switch (action.kind) {
    case 'space':
      return {
        kind: 'createSpace',
        fields: { name: action.name, timeZone: action.timeZone, ...dailyResetOf(action), capacity: null },
      };
    case 'changeSpace':
      return { kind: 'updateSpace', id: action.space as SpaceId, fields: dailyResetOf(action) };
    case 'deleteSpace':
      return { kind: 'deleteSpace', id: action.space as SpaceId };
    case 'doorway':
      return { kind: 'createDoorway', fields: { name: action.name, ...sides(action) } };
    case 'changeDoorway':
      return { kind: 'updateDoorway', id: action.doorway as DoorwayId, fields: sides(action) };
    case 'deleteDoorway':
      return { kind: 'deleteDoorway', id: action.doorway as DoorwayId };
    case 'dpu':
      return {
        kind: 'createDpu',
        id: action.dpuId,
        doorwayId: action.doorway as DoorwayId | null,
        effectiveMs: action.effectiveMs,
      };
    case 'move':
      return {
        kind: 'placeDpu',
        id: action.dpuId,
        doorwayId: action.doorway as DoorwayId | null,
        effectiveMs: action.effectiveMs,
      };
    case 'modulus':
      return { kind: 'placeDpu', id: action.dpuId, counterModulus: action.modulus };
    case 'deleteDpu':
      return { kind: 'deleteDpu', id: action.dpuId, effectiveMs: action.effectiveMs };
    case 'exclude':
      return {
        kind: 'excludeReadings',
        dpuId: action.dpuId,
        fromMs: action.fromMs,
        toMs: action.toMs,
        reason: REASON,
      };
    case 'include':
      return { kind: 'deleteExclusion', dpuId: action.dpuId, id: action.id };
    case 'device':
      return { kind: 'setAdapter', id: action.dpuId, ...configurationOf(action) };
    case 'forgetDevice':
      return { kind: 'deleteDevice', id: action.dpuId };
    case 'settings':
      return { kind: 'changeSettings', settings: action.settings };
    case 'reset':
      return {
        kind: 'recordReset',
        spaceId: action.space as SpaceId,
        timestampMs: action.timestampMs,
        count: action.count,
      };
    case 'changeReset': {
      const { space, id, timestampMs, count } = action;
      return { kind: 'changeReset', spaceId: space as SpaceId, id, timestampMs, count };
    }
    case 'deleteReset':
      return { kind: 'deleteReset', spaceId: action.space as SpaceId, id: action.id };
  }
}

function dailyResetOf({ dailyReset, dailyResetCount }: Extract<Action, { kind: 'space' | 'changeSpace' }>): {
  dailyReset: string | null;
  dailyResetCount?: number;
} {
  return dailyResetCount === undefined ? { dailyReset } : { dailyReset, dailyResetCount };
}

function sides({ ingress, egress }: { ingress: number | null; egress: number | null }): {
  ingressSpaceId: SpaceId | null;
  egressSpaceId: SpaceId | null;
} {
  return { ingressSpaceId: ingress as SpaceId | null, egressSpaceId: egress as SpaceId | null };
}

function configurationOf({ isReversed, mapping }: Extract<Action, { kind: 'device' }>): {
  adapter: string;
  options: Record<string, unknown>;
} {
  if (!mapping) return { adapter: PAYLOADS, options: { reversed: isReversed } };
  const direction = { path: '@.d', entrance: mapping.isWide ? ['1', '2'] : ['1'], exit: ['-1'] };
  const time = mapping.isTimed ? { time: '@.at' } : {};
  return { adapter: MAPPED, options: { kind: 'event', line: '@.line', direction, ...time, reversed: isReversed } };
}
