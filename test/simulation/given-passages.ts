// Keeps the answers about who passed a doorway or a DPU, and asks for them again by their places and by a time (T26).
import type { PassagesAnswer, PassagesKnownAt, PassagesPlace } from '../../src/counts/passages.ts';
import { formatAsOf, parseAsOf } from '../../src/domain/as-of.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { TopologyView } from '../../src/domain/topology-history.ts';
import { formatTopologyAsOf, parsePlace } from '../../src/domain/topology-place.ts';
import type { PassageSource } from '../../src/ports/history.ts';
import type { OracleEvent } from '../support/oracle.ts';
import { objectionsToPassages } from './passed.ts';
import type { SimProcess } from './process.ts';

const HOUR_MS = 3_600_000;

interface Given {
  readonly source: PassageSource;
  readonly boundsMs: readonly number[];
  readonly place: PassagesPlace;
  readonly answer: string;
}

/** A doorway of a space, and any DPU. */
export function sourcesAt(view: TopologyView, spaceId: SpaceId, n: number): PassageSource[] {
  const [doorway] = view.doorwaysOf(spaceId).filter(({ deleted }) => !deleted);
  const dpus = view.dpus().filter(({ deleted }) => !deleted);
  const dpu = dpus[n % Math.max(1, dpus.length)];
  return [...(doorway ? [{ doorwayId: doorway.id }] : []), ...(dpu ? [{ dpuId: dpu.id }] : [])];
}

export class GivenPassages {
  readonly #given: Given[] = [];

  get all(): readonly Given[] {
    return this.#given;
  }

  wereGiven(source: PassageSource, boundsMs: readonly number[], answer: PassagesAnswer): void {
    this.#given.push({ source, boundsMs, place: answer.place, answer: textOf(answer) });
  }

  clear(): void {
    this.#given.length = 0;
  }

  /** @returns an objection if the answer is another one now */
  async again({ passages }: SimProcess, { source, boundsMs, place, answer }: Given): Promise<string | undefined> {
    const found = textOf(await passages.asKnown(source, () => boundsMs, asRead(place)));
    return found === answer
      ? undefined
      : `${JSON.stringify(source)}: ${answer} was given, and as known then it is ${found}`;
  }
}

/** As a client has it. */
function asRead(place: PassagesPlace): PassagesKnownAt {
  if ('topology' in place)
    return { topology: { ...place.topology, ...parsePlace(formatTopologyAsOf(place.topology)) } };
  const asOf = place.asOf.flatMap((each) => parseAsOf(formatAsOf(each)) ?? []);
  if (asOf.length < place.asOf.length)
    throw new Error(`one of ${place.asOf.map(formatAsOf).join(', ')} cannot be read`);
  return { asOf };
}

function textOf({ intervals, place, nowMs }: PassagesAnswer): string {
  return JSON.stringify([intervals, place, nowMs]);
}

/** The sequence of the log of an answer; 0 if it is about no space. */
export function seqOf({ place }: PassagesAnswer): number {
  return 'asOf' in place ? (place.asOf[0]?.seq ?? 0) : 0;
}

/**
 * For a time: who had passed at the place that it stands for, whose place gives the same again.
 * @param eventsUpTo the events of all spaces up to a sequence of the log
 */
export async function objectionsToPassagesByTime(
  { passages }: SimProcess,
  source: PassageSource,
  atMs: number,
  eventsUpTo: (seq: number) => readonly OracleEvent[],
): Promise<string[]> {
  const boundsMs = [0, Math.max(1, atMs - HOUR_MS), atMs + 1, atMs + HOUR_MS];
  try {
    const found = await passages.asKnown(source, () => boundsMs, { atMs });
    const again = await passages.asKnown(source, () => boundsMs, asRead(found.place));
    const objections = objectionsToPassages(found.intervals, source, eventsUpTo(seqOf(found)));
    if (textOf(found) !== textOf(again))
      objections.push(`known by time ${textOf(found)}, and by its place ${textOf(again)}`);
    return objections.map((text) => `${JSON.stringify(source)} at ${atMs}: ${text}`);
  } catch (error) {
    if (error instanceof Failure && error.kind !== 'unavailable') return [];
    throw error;
  }
}
