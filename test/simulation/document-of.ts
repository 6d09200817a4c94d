// Actions that register things, as one document to import: consecutive ones of a scenario.
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { TopologyDocument } from '../../src/domain/topology-document.ts';
import type { TopologyView } from '../../src/domain/topology-history.ts';
import type { Action, RegisteringAction } from './scenario.ts';

/** Why readings are excluded. */
export const REASON = 'the cleaning crew';

export function isRegistering(action: Action): action is RegisteringAction {
  return (
    action.kind === 'space' ||
    action.kind === 'doorway' ||
    action.kind === 'dpu' ||
    action.kind === 'exclude' ||
    (action.kind === 'move' && action.effectiveMs !== undefined)
  );
}

/** Runs of them become one import each. */
export function withImports(actions: readonly Action[]): Action[] {
  const merged: Action[] = [];
  for (const action of actions) {
    const last = merged.at(-1);
    if (!isRegistering(action)) merged.push(action);
    else if (last?.kind === 'import') merged[merged.length - 1] = { kind: 'import', of: [...last.of, action] };
    else merged.push({ kind: 'import', of: [action] });
  }
  return merged;
}

/** @param view where the n-th space and doorway have their names from, unless the document registers them */
export function documentOf(actions: readonly RegisteringAction[], view: TopologyView): TopologyDocument {
  const spaces = actions.filter((action) => action.kind === 'space');
  const doorways = actions.filter((action) => action.kind === 'doorway');
  const nameOf = (kind: string, n: number, found: { name: string } | undefined, own: { name: string } | undefined) =>
    found?.name ?? own?.name ?? `${kind} ${n}`;
  const spaceName = (n: number | null): string | null =>
    n === null ? null : nameOf('space', n, view.space(n as never), spaces[n - 1 - view.lastSpaceId()]);
  const doorwayName = (n: number | null): string | null =>
    n === null ? null : nameOf('doorway', n, view.doorway(n as never), doorways[n - 1 - view.lastDoorwayId()]);
  const place = { line: 1, at: '' };
  const dpus = new Map<string, TopologyDocument['dpus'][number]>();
  for (const action of actions) {
    if (action.kind !== 'dpu' && action.kind !== 'move') continue;
    const { dpuId: id, doorway, effectiveMs: fromMs = BEGINNING_MS } = action;
    const others = dpus.get(id)?.placements.filter((placement) => placement.fromMs !== fromMs) ?? [];
    const placements = [...others, { ...place, doorway: doorwayName(doorway), fromMs }];
    dpus.set(id, { ...place, id, isDeclared: true, placements });
  }
  const exclusions = actions.flatMap((action) => {
    if (action.kind !== 'exclude') return [];
    const { dpuId, fromMs, toMs } = action;
    // One mistake would have the whole document refused.
    const isRegistered = dpus.has(dpuId) || view.dpu(dpuId)?.deleted === false;
    return isRegistered ? [{ ...place, dpuId, fromMs, toMs, reason: REASON }] : [];
  });
  return {
    spaces: spaces.map(({ name, timeZone, dailyReset }) => ({ ...place, name, timeZone, dailyReset })),
    doorways: doorways.map(({ name, ingress, egress }) => ({
      ...place,
      name,
      ingressSpace: spaceName(ingress),
      egressSpace: spaceName(egress),
    })),
    dpus: [...dpus.values()],
    devices: [],
    exclusions,
    errors: [],
    errorsCount: 0,
    unreadable: new Set(),
  };
}
