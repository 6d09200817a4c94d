// A place in the TOPOLOGY log as clients see it, `topology-57-1k2j3h`: a sequence, and the digest of the log up to there, because a
// log that was restored may have other entries at the same sequences. That of an answer also has the instant of the question.
import { Failure } from './failure.ts';
import type { Partition } from './ids.ts';
import { BEGINNING_MS } from './instant.ts';
import { areRelated, changeBetween, type TopologyChange } from './topology-change.ts';
import type { SingleFact } from './topology.ts';
import type { TopologyHistory } from './topology-history.ts';

export interface TopologyPlace {
  readonly seq: number;
  readonly digest: number;
}

/** The place of an answer about the topology. */
export interface TopologyAsOf extends TopologyPlace {
  /** The instant of the question: a sensor is listed with the doorway that it was above then. */
  readonly atMs: number;
}

const TEXT = /^topology-(\d{1,15})-([\da-z]{1,10})(?:-([\da-z]{1,10}))?$/;

/** The place up to which a history reaches. */
export function placeIn(history: TopologyHistory): TopologyPlace {
  return { seq: history.seq, digest: history.digestAt(history.seq) ?? 0 };
}

/** The place of the newest entry that was stored at or before an instant, by the log's clock. */
export function placeAt(history: TopologyHistory, atMs: number): TopologyPlace {
  const seq = history.seqStoredBy(atMs);
  return { seq, digest: history.digestAt(seq) ?? 0 };
}

export function formatPlace({ seq, digest }: TopologyPlace): string {
  return `topology-${seq}-${digest.toString(36)}`;
}

export function formatTopologyAsOf({ seq, digest, atMs }: TopologyAsOf): string {
  return `${formatPlace({ seq, digest })}-${(atMs - BEGINNING_MS).toString(36)}`;
}

/** Of a dry run or of an answer. @returns undefined for any other text */
export function parsePlace(text: string): (TopologyPlace & Partial<TopologyAsOf>) | undefined {
  const [, seq, digest, at] = TEXT.exec(text) ?? [];
  if (digest === undefined) return undefined;
  const place = { seq: Number(seq), digest: Number.parseInt(digest, 36) };
  return at === undefined ? place : { ...place, atMs: Number.parseInt(at, 36) + BEGINNING_MS };
}

/**
 * Checks that nothing that happened after a place concerns the DPUs and spaces of some facts.
 * @throws Failure changed
 */
export function requireUnrelatedSince(
  history: TopologyHistory,
  place: TopologyPlace,
  facts: readonly SingleFact[],
): void {
  const { seq } = history;
  requirePlace(history, place);
  if (place.seq === seq) return;
  const change = wholeChange(history.supposing(facts), seq, seq + 1);
  if (areRelated(wholeChange(history, place.seq, seq), change)) throw changedSince(history, place);
}

/** Checks that the topology is still as it was. @throws Failure changed */
export function requireNothingSince(history: TopologyHistory, place: TopologyPlace): void {
  requirePlace(history, place);
  if (place.seq !== history.seq) throw changedSince(history, place);
}

function requirePlace(history: TopologyHistory, place: TopologyPlace): void {
  if (history.digestAt(place.seq) !== place.digest)
    throw new Failure('changed', `the topology log does not have ${formatPlace(place)}`);
}

function changedSince(history: TopologyHistory, place: TopologyPlace): Failure {
  const now = formatPlace(placeIn(history));
  return new Failure(
    'changed',
    `what this is about has changed since ${formatPlace(place)}: the topology is at ${now}`,
  );
}

/** What happened between two sequences, for the DPUs and spaces of all partitions. */
export function wholeChange(history: TopologyHistory, fromSeq: number, toSeq: number): TopologyChange {
  return changeBetween(history, fromSeq, toSeq, 0 as Partition, 1);
}
