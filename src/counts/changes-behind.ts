// Which entries of TOPOLOGY are behind a correction. A router may follow several at once. Those that change where the sensor's
// readings count at that time are named, and if there is only one, it is the cause.
import type { DpuId, SpaceId } from '../domain/ids.ts';
import type { FollowedEntries } from '../domain/correction-cause.ts';
import type { Span } from '../domain/placement.ts';
import type { Edit } from '../domain/topology-edits.ts';
import { factsOf, type TopologyEntry } from '../domain/topology.ts';
import { spansOfEntry } from '../domain/topology-change.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';

export const CHANGE_KINDS = [
  'move',
  'counter_modulus',
  'doorway',
  'exclusion',
  'exclusion_removed',
  'deletion',
  'restoration',
  'reset',
  'space',
  'changes',
] as const;
/** `changes` are several of them, or it is not known which. */
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface ChangesBehind {
  readonly kind: ChangeKind;
  /** Ascending; empty if they are not known. */
  readonly entries: readonly TopologyEntry[];
}

/** Entries and facts beyond these would take longer to look at than the name of the cause is worth. */
const [ENTRIES_MAX, FACTS_MAX] = [200, 10_000];
const LISTED_MAX = 20;
const UNKNOWN: ChangesBehind = { kind: 'changes', entries: [] };

export class TopologyChanges {
  readonly #topology: TopologyHistory;
  readonly #spans = new Map<number, ReadonlyMap<DpuId, readonly Span[]>>();
  #factsLeft = FACTS_MAX;

  constructor(topology: TopologyHistory) {
    this.#topology = topology;
  }

  /** @param dpuId the sensor whose readings were corrected, of which the first is at `firstMs` and the last at `lastMs` */
  behind(
    followed: FollowedEntries,
    { dpuId, firstMs, lastMs }: { readonly dpuId: DpuId; readonly firstMs: number; readonly lastMs: number },
  ): ChangesBehind {
    const { afterSeq, toSeq } = followed;
    if (toSeq - afterSeq > ENTRIES_MAX || !this.#has(followed)) return UNKNOWN;
    const entries: TopologyEntry[] = [];
    for (const entry of this.#topology.entries(afterSeq, toSeq)) {
      const spans = this.#spansOf(entry);
      if (!spans) return UNKNOWN;
      if ((spans.get(dpuId) ?? []).some(({ fromMs, toMs }) => fromMs <= lastMs && firstMs < toMs)) entries.push(entry);
    }
    return { kind: kindOf(entries.map((entry) => this.#kindFor(entry, dpuId))), entries: entries.slice(0, LISTED_MAX) };
  }

  /** The entries that may change when a space is reset, and to what. */
  ofResets(spaceId: SpaceId, { afterSeq, toSeq }: FollowedEntries): TopologyEntry[] {
    return this.#topology
      .entries(afterSeq, toSeq)
      .filter(({ fact }) =>
        factsOf(fact).some(
          (one) =>
            (one.kind === 'reset' && one.doc.spaceId === spaceId) || (one.kind === 'space' && one.doc.id === spaceId),
        ),
      );
  }

  /** False if the entries may have been lost, and others written in their place. */
  #has({ toSeq, digest }: FollowedEntries): boolean {
    if (digest !== undefined) return this.#topology.digestAt(toSeq) === digest;
    return toSeq <= this.#topology.seq && this.#topology.latest().epoch() === undefined;
  }

  #spansOf(entry: TopologyEntry): ReadonlyMap<DpuId, readonly Span[]> | undefined {
    const known = this.#spans.get(entry.seq);
    if (known) return known;
    this.#factsLeft -= factsOf(entry.fact).length;
    if (this.#factsLeft < 0) return undefined;
    const spans = spansOfEntry(this.#topology, entry);
    this.#spans.set(entry.seq, spans);
    return spans;
  }

  #kindFor({ seq }: TopologyEntry, dpuId: DpuId): ChangeKind {
    const { edits } = this.#topology;
    const kinds: ChangeKind[] = [];
    for (let at = edits.positionOf({ seq, index: 0 }); ; at++) {
      const edit = edits.at(at);
      if (edit?.entry.seq !== seq) return kindOf(kinds);
      const kind = kindOfEdit(edit, dpuId);
      if (kind) kinds.push(kind);
    }
  }
}

function kindOf(kinds: readonly ChangeKind[]): ChangeKind {
  const [first = 'changes', ...others] = kinds;
  return others.every((other) => other === first) ? first : 'changes';
}

/** @returns undefined if it cannot change where readings of the sensor count */
function kindOfEdit(edit: Edit, dpuId: DpuId): ChangeKind | undefined {
  switch (edit.kind) {
    case 'dpu': {
      if (edit.after.id !== dpuId) return undefined;
      const isModulus = (edit.before?.counterModulus ?? null) !== (edit.after.counterModulus ?? null);
      return isModulus ? 'counter_modulus' : 'move';
    }
    case 'doorway':
      return 'doorway';
    case 'exclusion':
      if (edit.after.dpuId !== dpuId) return undefined;
      return edit.after.deleted ? 'exclusion_removed' : 'exclusion';
    case 'deletion':
      if (edit.after.dpuId !== dpuId) return undefined;
      return edit.after.restored ? 'restoration' : 'deletion';
    case 'space':
    case 'device':
    case 'reset':
    case 'settings':
    case 'epoch':
      return undefined;
  }
}
