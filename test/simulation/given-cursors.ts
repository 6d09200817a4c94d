// Keeps places of lists at which a client may continue later, with the count there: the page after one is the same as without the
// count, whatever has happened since (T26).
import type { CountedPlace } from '../../src/counts/space-events.ts';
import { END_MS } from '../../src/domain/instant.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { SimProcess } from './process.ts';

const PAGE = 4;

interface Given {
  readonly spaceId: SpaceId;
  readonly fromMs: number;
  readonly after: CountedPlace;
}

export class GivenCursors {
  readonly #given: Given[] = [];

  wereGiven(spaceId: SpaceId, fromMs: number, places: readonly CountedPlace[]): void {
    const after = places.findLast(({ counted }) => counted);
    if (after) this.#given.push({ spaceId, fromMs, after });
  }

  /** Without those about spaces that other processes answer about. */
  ofProcess(process: SimProcess): readonly Given[] {
    return this.#given.filter(({ spaceId }) => process.foldOf(spaceId));
  }

  clear(): void {
    this.#given.length = 0;
  }

  /** @returns an objection if the counted place leads to another page */
  async follow(process: SimProcess, { spaceId, fromMs, after }: Given): Promise<string | undefined> {
    const { timestampMs, readingId } = after;
    const { eventCounts } = process.questions(() => undefined);
    const events = await eventCounts.ofSpace(spaceId, END_MS);
    const page = async (place: CountedPlace): Promise<string> => {
      const found = await events.page({ range: { fromMs, toMs: END_MS }, after: place, desc: false, limit: PAGE });
      return JSON.stringify(found.map((event) => ({ ...event, basis: null })));
    };
    const [is, shouldBe] = [await page(after), await page({ timestampMs, readingId })];
    return is === shouldBe
      ? undefined
      : `space ${spaceId}: after ${JSON.stringify(after)} the page is ${is}, and without the count ${shouldBe}`;
  }
}
