// Readings of a series (series.ts). A new reading may change what its neighbour counts: a standing between two others
// replaces one difference by two, and an interval that is superseded by a revision counts nobody. A deleted reading is
// no neighbour of any other.
import { NOBODY, passedIn, type Passed } from '../domain/measure.ts';
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
  const isDeleted = (other: Reading): boolean => view.isDeleted(other);
  const dependent = others.dependentOn(reading, isDeleted);
  const was = dependent && others.passedBy(dependent, modulus, isDeleted);
  others.add(reading);
  if (dependent && was) {
    const is = others.passedBy(dependent, modulus, isDeleted);
    if (was.entrances !== is.entrances || was.exits !== is.exits) {
      draft.retract(view, dependent, was);
      draft.assert(view, dependent, is);
    }
  }
  draft.assert(view, reading, passedAmong(others, view, reading));
}

/** Who passed by a reading under a topology. @param series the result of `SeriesMemory.around` for the reading */
export function passedUnder(view: TopologyView, reading: Reading, series: ReadonlyMap<SeriesKey, Series>): Passed {
  const others = seriesOf(reading, series);
  return others ? passedAmong(others, view, reading) : passedIn(reading.measure);
}

function passedAmong(others: Series, view: TopologyView, reading: Reading): Passed {
  if (view.isDeleted(reading)) return NOBODY;
  return others.passedBy(reading, modulusOf(view, reading.dpuId), (other) => view.isDeleted(other));
}

function modulusOf(view: TopologyView, dpuId: DpuId): number | null {
  return view.dpu(dpuId)?.counterModulus ?? null;
}
