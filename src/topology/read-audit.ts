// Pages of the audit: who changed what in the topology, from the edits that the history of this process holds in memory. A page holds
// at most `limit` edits. A filter looks at all edits, in slices between which other requests are answered.
import type { DoorwayId, DpuId, SpaceId } from '../domain/ids.ts';
import { placementsOf, spansOfDifference } from '../domain/placement.ts';
import {
  signatureOf,
  type Edit,
  type EditedKind,
  type EditPlace,
  type TopologyEdits,
} from '../domain/topology-edits.ts';

const SLICE = 10_000;

export interface AuditFilter {
  readonly kind?: EditedKind | undefined;
  readonly spaceId?: SpaceId | undefined;
  readonly doorwayId?: DoorwayId | undefined;
  readonly dpuId?: DpuId | undefined;
  readonly by?: string | undefined;
  /** Inclusive. */
  readonly fromMs?: number | undefined;
  /** Exclusive. */
  readonly toMs?: number | undefined;
  readonly seq?: number | undefined;
}

export interface AuditRequest {
  readonly filter: AuditFilter;
  readonly isNewestFirst: boolean;
  readonly limit: number;
  /** Where the previous page ended, and how many edits there were on all pages then. */
  readonly after?: (EditPlace & { readonly total: number }) | undefined;
}

export interface AuditPage {
  readonly edits: readonly Edit[];
  readonly total: number;
  readonly isLast: boolean;
}

/** What an edit is about. A reset belongs to its space, an exclusion and a deleted reading to their DPU. */
export interface Subject {
  readonly spaceId: SpaceId | null;
  readonly doorwayId: DoorwayId | null;
  readonly dpuId: DpuId | null;
}

const NOTHING: Subject = { spaceId: null, doorwayId: null, dpuId: null };

export function subjectOf(edit: Edit): Subject {
  switch (edit.kind) {
    case 'space':
      return { ...NOTHING, spaceId: edit.after.id };
    case 'reset':
      return { ...NOTHING, spaceId: edit.after.spaceId };
    case 'doorway':
      return { ...NOTHING, doorwayId: edit.after.id };
    case 'dpu':
    case 'device':
      return { ...NOTHING, dpuId: edit.after.id };
    case 'exclusion':
    case 'deletion':
      return { ...NOTHING, dpuId: edit.after.dpuId };
    case 'settings':
    case 'epoch':
      return NOTHING;
  }
}

/** @param pause lets other requests go on */
export async function readAudit(
  edits: TopologyEdits,
  { filter, isNewestFirst, limit, after }: AuditRequest,
  pause: () => Promise<void>,
): Promise<AuditPage> {
  const found: Edit[] = [];
  let total = 0;
  let looked = 0;
  for (const position of positions(edits, filter.seq, isNewestFirst, after)) {
    if (++looked % SLICE === 0) await pause();
    const edit = edits.at(position);
    // The log is being read again, because it lost its end.
    if (!edit) break;
    if (!isSelected(edit, filter)) continue;
    total += 1;
    if (found.length <= limit) found.push(edit);
    else if (after) break;
  }
  return { edits: found.slice(0, limit), total: after?.total ?? total, isLast: found.length <= limit };
}

function* positions(
  edits: TopologyEdits,
  seq: number | undefined,
  isNewestFirst: boolean,
  after: EditPlace | undefined,
): Iterable<number> {
  let first = seq === undefined ? 0 : edits.positionOf({ seq, index: 0 });
  let end = seq === undefined ? edits.length : edits.positionOf({ seq: seq + 1, index: 0 });
  if (after && isNewestFirst) end = Math.min(end, edits.positionOf(after));
  else if (after) first = Math.max(first, edits.positionOf({ seq: after.seq, index: after.index + 1 }));
  if (isNewestFirst) for (let at = end - 1; at >= first; at--) yield at;
  else for (let at = first; at < end; at++) yield at;
}

function isSelected(edit: Edit, { kind, spaceId, doorwayId, dpuId, by, fromMs, toMs }: AuditFilter): boolean {
  const signature = signatureOf(edit.entry);
  return (
    (kind === undefined || edit.kind === kind) &&
    (by === undefined || signature.by === by) &&
    (fromMs === undefined || signature.atMs >= fromMs) &&
    (toMs === undefined || signature.atMs < toMs) &&
    (dpuId === undefined || subjectOf(edit).dpuId === dpuId) &&
    (spaceId === undefined || concernsSpace(edit, spaceId)) &&
    (doorwayId === undefined || concernsDoorway(edit, doorwayId))
  );
}

/** The space itself, its resets, and doorways that lead into it or out of it, before the change or after. */
function concernsSpace(edit: Edit, spaceId: SpaceId): boolean {
  if (edit.kind !== 'doorway') return subjectOf(edit).spaceId === spaceId;
  const { before, after } = edit;
  return [before?.ingressSpaceId, before?.egressSpaceId, after.ingressSpaceId, after.egressSpaceId].includes(spaceId);
}

/** The doorway itself, and DPUs that were moved to it or away from it. */
function concernsDoorway(edit: Edit, doorwayId: DoorwayId): boolean {
  if (edit.kind !== 'dpu') return subjectOf(edit).doorwayId === doorwayId;
  const [before, after] = [edit.before?.placements ?? [], edit.after.placements];
  const changed = spansOfDifference(before, after);
  return [...placementsOf(before), ...placementsOf(after)].some(
    (placement) =>
      placement.doorwayId === doorwayId &&
      changed.some(({ fromMs, toMs }) => fromMs < placement.toMs && placement.fromMs < toMs),
  );
}
