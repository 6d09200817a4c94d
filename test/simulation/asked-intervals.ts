// The intervals of a space, asked for by themselves or together with those of all others.
import type { Counts, GivenIntervals } from '../../src/counts/counts.ts';
import type { IntervalsOfSpaces } from '../../src/counts/intervals-of-spaces.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { SimProcess } from './process.ts';

interface Asked {
  readonly spaceId: SpaceId;
  readonly bounds: readonly number[];
  /** Decides whether they are asked for together. */
  readonly atMs: number;
}

export async function askedIntervals(
  process: SimProcess,
  { counts, intervalsOfSpaces }: { readonly counts: Counts; readonly intervalsOfSpaces: IntervalsOfSpaces },
  { spaceId, bounds, atMs }: Asked,
): Promise<GivenIntervals> {
  if (atMs % 2 === 0) return counts.intervals(spaceId, bounds);
  const others = process.topology.history
    .latest()
    .spaces()
    .filter(({ id, deleted }) => id !== spaceId && !deleted && process.foldOf(id) !== undefined);
  const ids = [...others.map(({ id }) => id), spaceId];
  const found = await intervalsOfSpaces.of(ids.map((id) => ({ spaceId: id, boundsMs: bounds })));
  const answer = found.at(-1);
  if (!answer) throw new Error(`no intervals of space ${spaceId}`);
  return answer;
}
