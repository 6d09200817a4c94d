// Readings of a series (series.ts). A new reading may change what its neighbour counts: a standing between two others
// replaces one difference by two, and an interval that is superseded by a revision counts nobody. A deleted reading is
// no neighbour of any other.
import type { Reading } from '../domain/reading.ts';
import { modulusOf, passedAmong, type Series } from '../domain/series.ts';
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
