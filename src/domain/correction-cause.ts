// Which entry of TOPOLOGY corrected the history of a space. A router may follow several entries in one commit, so an entry is named
// only if no other one of them can have had a part in it.
import type { CommitHeader } from './commit.ts';
import type { SpaceId } from './ids.ts';
import { factsOf, type TopologyEntry } from './topology.ts';
import { areRelated, concernsSpace } from './topology-change.ts';
import type { TopologyHistory } from './topology-history.ts';
import { wholeChange } from './topology-place.ts';

/** The entries of TOPOLOGY with `afterSeq < seq <= toSeq`. */
export interface FollowedEntries {
  readonly afterSeq: number;
  readonly toSeq: number;
  /** Digest of TOPOLOGY up to `toSeq`: after a loss, other entries may be there. Undefined if the commit does not have it. */
  readonly digest?: number;
}

/** The kinds of facts that can cause each kind of correction. */
const KINDS = {
  move: ['dpu', 'doorway', 'exclusion', 'deletion'],
  reset: ['reset', 'space'],
} as const;

/** With more entries or facts to examine than this, no cause is named: finding it would take too long. */
const [ENTRIES_MAX, FACTS_MAX] = [20, 100];

/**
 * The entries that the router follows with this commit; undefined if it follows none, or if that is not known.
 * @param before the topology that its previous commit had followed, if known
 */
export function followedIn(
  { isMove, topologySeq, topologyDigest, reattribution }: CommitHeader,
  before: number | undefined,
): FollowedEntries | undefined {
  const toSeq = reattribution?.toSeq ?? topologySeq;
  if (!isMove || before === undefined || toSeq <= before) return undefined;
  const followed = { afterSeq: before, toSeq };
  return reattribution || topologyDigest === null ? followed : { ...followed, digest: topologyDigest };
}

/** @returns undefined if it is not certain, or if this process has not read the entries yet */
export function entryThatCorrected(
  history: TopologyHistory,
  spaceId: SpaceId,
  cause: keyof typeof KINDS,
  { afterSeq, toSeq }: FollowedEntries,
): TopologyEntry | undefined {
  if (history.seq < toSeq || toSeq - afterSeq > ENTRIES_MAX) return undefined;
  const kinds: readonly string[] = KINDS[cause];
  const possible = history
    .entries(afterSeq, toSeq)
    .filter(({ fact }) => factsOf(fact).some(({ kind }) => kinds.includes(kind)));
  if (possible.length < 2) return possible[0];
  if (possible.some(({ fact }) => factsOf(fact).length > FACTS_MAX)) return undefined;
  const changes = possible.map((entry) => ({ entry, change: wholeChange(history, entry.seq - 1, entry.seq) }));
  const [only, another] = changes.filter(({ change }) => concernsSpace(change, spaceId));
  if (!only || another) return undefined;
  // An entry that does not concern the space may still change the effect of this one, for example by moving the same DPU.
  return changes.some((other) => other !== only && areRelated(other.change, only.change)) ? undefined : only.entry;
}
