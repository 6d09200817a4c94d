// Keeps the answers that were given, and asks for them again by their places: every one has to be given again exactly (T24).
import type { AsOf } from '../../src/domain/as-of.ts';
import { formatAsOf, parseAsOf } from '../../src/domain/as-of.ts';
import type { GivenCount, GivenIntervals } from '../../src/counts/counts.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { SimProcess } from './process.ts';

interface Given {
  readonly asOf: AsOf;
  /** Of intervals; undefined for a count. */
  readonly boundsMs: readonly number[] | undefined;
  readonly answer: string;
}

export class GivenAnswers {
  readonly #given: Given[] = [];

  get all(): readonly Given[] {
    return this.#given;
  }

  countWasGiven(answer: GivenCount): void {
    const { asOf } = answer;
    if (asOf) this.#given.push({ asOf, boundsMs: undefined, answer: JSON.stringify(answer) });
  }

  intervalsWereGiven(boundsMs: readonly number[], answer: GivenIntervals): void {
    this.#given.push({ asOf: answer.asOf, boundsMs, answer: JSON.stringify(answer) });
  }

  clear(): void {
    this.#given.length = 0;
  }

  /** @returns an objection if the answer is another one now */
  async again(process: SimProcess, { asOf, boundsMs, answer }: Given): Promise<string | undefined> {
    const { spaceId, atMs } = asOf;
    // As a client has it.
    const place = parseAsOf(formatAsOf(asOf));
    if (!place) return `${formatAsOf(asOf)} cannot be read`;
    const { counts } = await process.asKnown.space(spaceId, { asOf: [place] });
    const found = JSON.stringify(boundsMs ? await counts.intervals(spaceId, boundsMs) : await counts.at(spaceId, atMs));
    return found === answer ? undefined : `space ${spaceId}: ${answer} was given, and as known then it is ${found}`;
  }
}

/** For a time: exactly the answer at the place that it stands for, and never wrongly final. */
export async function objectionsToTime(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<string[]> {
  try {
    const known = await process.asKnown.space(spaceId, { atMs });
    const found = await known.counts.at(spaceId, atMs);
    const again = await process.asKnown.space(spaceId, { asOf: [known.asOf] });
    const same = await again.counts.at(spaceId, atMs);
    const [is, shouldBe] = [JSON.stringify(found), JSON.stringify(same)];
    return is === shouldBe ? [] : [`space ${spaceId} at ${atMs}: known by time ${is}, and by its place ${shouldBe}`];
  } catch (error) {
    if (error instanceof Failure && error.kind !== 'unavailable') return [];
    throw error;
  }
}
