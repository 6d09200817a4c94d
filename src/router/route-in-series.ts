// Readings of a series (series.ts). A new reading may change what its neighbour counts: a standing between two others
// replaces one difference by two, and an interval that is superseded by a revision counts nobody.
import { passedIn, type Passed } from '../domain/measure.ts';
import type { DpuId } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import { seriesOf, type Series, type SeriesKey } from '../domain/series.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { CommitDraft } from './commit-draft.ts';

/**
 * @param others the series of the reading, with its direct neighbours; the reading is added to it
 */
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

/** Who passed by a reading under a topology. @param series the result of `SeriesMemory.around` for the reading */
export function passedUnder(view: TopologyView, reading: Reading, series: ReadonlyMap<SeriesKey, Series>): Passed {
  const others = seriesOf(reading, series);
  return others ? others.passedBy(reading, modulusOf(view, reading.dpuId)) : passedIn(reading.measure);
}

function modulusOf(view: TopologyView, dpuId: DpuId): number | null {
  return view.dpu(dpuId)?.counterModulus ?? null;
}
