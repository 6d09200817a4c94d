// What readings of a series count (series.ts). One that arrives may change what the one next to it counts: a standing
// between two others replaces their one difference by two, and the one that a revision supersedes counts nobody any more.
import { passedIn, type Passed } from '../domain/measure.ts';
import type { DpuId } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import { seriesOf, type Series, type SeriesKey } from '../domain/series.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { CommitDraft } from './commit-draft.ts';

/** @param others its series, with those directly before and after it; it is added to them */
export function assertInSeries(draft: CommitDraft, view: TopologyView, reading: Reading, others: Series): void {
  const modulus = modulusOf(view, reading.dpuId);
  const dependent = others.dependentOn(reading);
  const was = dependent && others.passedBy(dependent, modulus);
  others.add(reading);
  if (dependent && was) {
    const is = others.passedBy(dependent, modulus);
    if (was.entrances !== is.entrances || was.exits !== is.exits) {
      draft.retract(view, dependent, was);
      draft.assert(view, dependent, is);
    }
  }
  draft.assert(view, reading, others.passedBy(reading, modulus));
}

/** Who passed by a reading under a topology. @param series as `SeriesMemory.around` gives them for it */
export function passedUnder(view: TopologyView, reading: Reading, series: ReadonlyMap<SeriesKey, Series>): Passed {
  const others = seriesOf(reading, series);
  return others ? others.passedBy(reading, modulusOf(view, reading.dpuId)) : passedIn(reading.measure);
}

function modulusOf(view: TopologyView, dpuId: DpuId): number | null {
  return view.dpu(dpuId)?.counterModulus ?? null;
}
