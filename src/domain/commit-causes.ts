// Why rows of space_events were asserted or retracted. A commit either routes readings that arrived, or follows entries of TOPOLOGY.
// Its sequence does not say which, so whatever holds events also holds the causes of the few commits that followed TOPOLOGY, and each
// row is stored with its cause (docs/adr/0108).
import type { FollowedEntries } from './correction-cause.ts';

/** Readings that arrived. Nearly all rows have this cause, so its text is the shortest. */
export const ARRIVED = '';
/** Entries of TOPOLOGY; it is not known which ones. */
export const SOME_CHANGE = 'change';
/** A repair of the logs. */
export const REPAIRED = 'repair';
/** The row was stored, or its commit was read, by an earlier version. */
export const UNKNOWN_CAUSE = 'unknown';

/** Several causes together, when there are too many to tell apart. Not stored. */
export const OTHERS = 'others';

/** Plain data. */
export interface CommitCauses {
  /** The causes of commits up to this one are not known. */
  readonly knownAfterSeq: number;
  /** Ascending by sequence; commits that are not in it brought readings that arrived. */
  readonly changes: readonly (readonly [seq: number, cause: string])[];
}

export const NO_CHANGES: CommitCauses = { knownAfterSeq: 0, changes: [] };
export const UNKNOWN_CAUSES: CommitCauses = { knownAfterSeq: Infinity, changes: [] };

export function causeOf({ knownAfterSeq, changes }: CommitCauses, seq: number): string {
  if (seq <= knownAfterSeq) return UNKNOWN_CAUSE;
  return changes.find(([some]) => some === seq)?.[1] ?? ARRIVED;
}

/** The text of a commit that followed TOPOLOGY. @param followed undefined if it is not known what it followed */
export function causeText(followed: FollowedEntries | undefined): string {
  if (!followed) return SOME_CHANGE;
  const { afterSeq, toSeq, digest } = followed;
  return [afterSeq, toSeq, ...(digest === undefined ? [] : [digest.toString(36)])].join('-');
}

/** @returns undefined for every other cause */
export function followedBy(cause: string): FollowedEntries | undefined {
  const [, afterSeq, toSeq, digest] = /^(\d+)-(\d+)(?:-([\da-z]+))?$/.exec(cause) ?? [];
  if (toSeq === undefined) return undefined;
  const followed = { afterSeq: Number(afterSeq), toSeq: Number(toSeq) };
  return digest === undefined ? followed : { ...followed, digest: Number.parseInt(digest, 36) };
}

/** With a commit that followed TOPOLOGY, later than all others. @param followed as in `causeText` */
export function withChange(causes: CommitCauses, seq: number, followed: FollowedEntries | undefined): CommitCauses {
  return { ...causes, changes: [...causes.changes, [seq, causeText(followed)]] };
}

/** The causes without those of commits before a sequence. */
export function causesFrom(causes: CommitCauses, seq: number): CommitCauses {
  return { ...causes, changes: causes.changes.filter(([some]) => some >= seq) };
}

/** The causes without those of other commits. */
export function causesAmong(causes: CommitCauses, events: Iterable<{ readonly seq: number }>): CommitCauses {
  const { knownAfterSeq, changes } = causes;
  if (changes.length === 0) return causes;
  const seqs = new Set<number>();
  for (const { seq } of events) seqs.add(seq);
  return { knownAfterSeq, changes: changes.filter(([seq]) => seqs.has(seq)) };
}
