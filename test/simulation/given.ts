// Keeps the answers that were given, and asks for them again by their places: every one has to be given again exactly (T24).
import type { KnownSpace } from '../../src/counts/as-known.ts';
import { formatAsOf, parseAsOf, type AsOf } from '../../src/domain/as-of.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { SimProcess } from './process.ts';

/** An answer, and a function that asks the same question again. */
interface Given {
  readonly asOf: AsOf;
  readonly ask: (known: KnownSpace) => Promise<unknown>;
  readonly answer: string;
}

export class GivenAnswers {
  readonly #given: Given[] = [];

  get all(): readonly Given[] {
    return this.#given;
  }

  /** @param ask the same question about what was known */
  wasGiven<Answer extends { readonly asOf: AsOf | null }>(
    answer: Answer,
    ask: (known: KnownSpace, asOf: AsOf) => Promise<Answer>,
  ): void {
    const { asOf } = answer;
    if (asOf) this.#given.push({ asOf, ask: (known) => ask(known, asOf), answer: textOf(answer) });
  }

  clear(): void {
    this.#given.length = 0;
  }

  /** @returns an objection if the answer is another one now */
  async again(process: SimProcess, { asOf, ask, answer }: Given): Promise<string | undefined> {
    // As a client has it.
    const place = parseAsOf(formatAsOf(asOf));
    if (!place) return `${formatAsOf(asOf)} cannot be read`;
    const found = textOf(await ask(await process.asKnown.space(asOf.spaceId, { asOf: [place] })));
    return found === answer
      ? undefined
      : `space ${asOf.spaceId}: ${answer} was given, and as known then it is ${found}`;
  }
}

/** Without what is not stored about a place. */
function textOf(answer: unknown): string {
  return JSON.stringify(answer, (name, value: unknown) => {
    if (name === 'heldBackBy' || name === 'lateEvents') return undefined;
    return value instanceof Map ? [...value].sort(([a], [b]) => Number(a) - Number(b)) : value;
  });
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
