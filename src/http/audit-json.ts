// Changes of the topology as clients see them. What was changed has the form in which its own route shows it.
import { formatInstant } from '../domain/instant.ts';
import { placementsOf } from '../domain/placement.ts';
import { signatureOf, type Edit } from '../domain/topology-edits.ts';
import type { Dpu, EpochBegun, Settings } from '../domain/topology.ts';
import { subjectOf } from '../topology/read-audit.ts';
import {
  deletionJson,
  deviceJson,
  doorwayJson,
  dpuJson,
  exclusionJson,
  placementJson,
  resetJson,
  SPACE_EXAMPLE,
  spaceJson,
} from './topology-json.ts';

export function editJson(edit: Edit): object {
  const { spaceId, doorwayId, dpuId } = subjectOf(edit);
  const { by, atMs } = signatureOf(edit.entry);
  const [before, after] = statesOf(edit, atMs);
  return {
    sequence: edit.entry.seq,
    index: edit.index,
    kind: edit.kind,
    space_id: spaceId,
    doorway_id: doorwayId,
    dpu_id: dpuId,
    before,
    after,
    at: formatInstant(atMs),
    by,
  };
}

type State = object | null;

function statesOf(edit: Edit, atMs: number): [before: State, after: State] {
  switch (edit.kind) {
    case 'space':
      return both(edit, spaceJson);
    case 'doorway':
      return both(edit, doorwayJson);
    case 'dpu':
      return both(edit, (dpu) => placedDpuJson(dpu, atMs));
    case 'device':
      return both(edit, deviceJson);
    case 'exclusion':
      return both(edit, exclusionJson);
    case 'deletion':
      return both(edit, deletionJson);
    case 'reset':
      return both(edit, resetJson);
    case 'settings':
      return both(edit, settingsJson);
    case 'epoch':
      return both(edit, epochJson);
  }
}

/** Null for what did not exist. */
function both<Doc extends object>(
  { before, after }: { readonly before: Doc | undefined; readonly after: Doc },
  json: (doc: Doc) => object,
): [State, State] {
  return [before === undefined || isGone(before) ? null : json(before), isGone(after) ? null : json(after)];
}

function isGone(doc: object): boolean {
  return ('deleted' in doc && doc.deleted === true) || ('restored' in doc && doc.restored === true);
}

/** With all placements, because a change may be about another time than its own. */
function placedDpuJson(dpu: Dpu, atMs: number): object {
  return { ...dpuJson(dpu, atMs), placements: placementsOf(dpu.placements).map(placementJson) };
}

function settingsJson(settings: Settings): object {
  return {
    out_of_orderness_ms: settings.outOfOrdernessMs,
    idle_timeout_ms: settings.idleTimeoutMs,
    block_rows_max: settings.blockRowsMax,
    block_age_max_ms: settings.blockAgeMaxMs,
    late_block_age_max_ms: settings.lateBlockAgeMaxMs,
    repeated_late_block_age_max_ms: settings.repeatedLateBlockAgeMaxMs ?? settings.lateBlockAgeMaxMs,
    buffer_events_max: settings.bufferEventsMax,
  };
}

function epochJson({ epoch, begunMs, spaceIdsAbove, doorwayIdsAbove }: EpochBegun): object {
  return {
    epoch,
    begun_at: formatInstant(begunMs),
    space_ids_above: spaceIdsAbove,
    doorway_ids_above: doorwayIdsAbove,
  };
}

export const AUDIT_EXAMPLE = {
  sequence: 57,
  index: 0,
  kind: 'space',
  space_id: 1,
  doorway_id: null,
  dpu_id: null,
  before: SPACE_EXAMPLE,
  after: { ...SPACE_EXAMPLE, capacity: 80, updated_at: '2018-02-25T07:30:00.000Z' },
  at: '2018-02-25T07:30:00.000Z',
  by: 'token:facility',
};
