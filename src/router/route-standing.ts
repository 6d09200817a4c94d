// The people counted by standings: each counts the difference to its predecessor. One that arrives between two others
// replaces their one difference by two.
import { isStanding, passedIn, type Passed } from '../domain/measure.ts';
import type { DpuId } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import { passedSince, type Standings } from '../domain/standings.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { CommitDraft } from './commit-draft.ts';

/** @param others has the standings directly before and after it; it is added to them */
export function assertStanding(draft: CommitDraft, view: TopologyView, reading: Reading, others: Standings): void {
  const [before, after] = [others.before(reading), others.after(reading)];
  const modulus = modulusOf(view, reading.dpuId);
  if (after) {
    const [was, is] = [passedSince(before, after, modulus), passedSince(reading, after, modulus)];
    if (was.entrances !== is.entrances || was.exits !== is.exits) {
      draft.retract(view, after, was);
      draft.assert(view, after, is);
    }
  }
  draft.assert(view, reading, passedSince(before, reading, modulus));
  others.add(reading);
}

/** Who passed by a reading under a topology. @param standings by DPU, as `StandingMemory.around` gives them for it */
export function passedUnder(view: TopologyView, reading: Reading, standings: ReadonlyMap<DpuId, Standings>): Passed {
  if (!isStanding(reading.measure)) return passedIn(reading.measure);
  return passedSince(standings.get(reading.dpuId)?.before(reading), reading, modulusOf(view, reading.dpuId));
}

function modulusOf(view: TopologyView, dpuId: DpuId): number | null {
  return view.dpu(dpuId)?.counterModulus ?? null;
}
