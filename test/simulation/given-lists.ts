// Keeps the lists over all spaces and sensors that were given, and asks for them again by their places (T28).
import { CountsOfAll } from '../../src/counts/counts-of-all.ts';
import type { KnownLists } from '../../src/counts/stored-places.ts';
import { Failure } from '../../src/domain/failure.ts';
import { END_MS } from '../../src/domain/instant.ts';
import { formatStoredPlace, parseStoredPlace } from '../../src/domain/stored-place.ts';
import type { CountAfterEvent } from '../../src/counts/space-events.ts';
import type { Oracle } from '../support/oracle.ts';
import type { SimProcess } from './process.ts';

const MORE_THAN_ALL = 100_000;
const ALL = { fromMs: 0, toMs: END_MS };

interface Given {
  readonly place: string;
  readonly answer: string;
}

/** Not at every question, because lists are long. */
const ASKED_EVERY = 3;

export class GivenLists {
  readonly #given: Given[] = [];
  readonly objections: string[] = [];

  get all(): readonly Given[] {
    return this.#given;
  }

  /**
   * Asks for the lists as they are, or as they were known until now, and for one that was given earlier.
   * @param atMs decides for which
   */
  async ask(process: SimProcess, atMs: number, nowMs: number): Promise<void> {
    const one = this.#given[atMs % Math.max(1, this.#given.length)];
    try {
      if (atMs % ASKED_EVERY === 0) await this.#ask(process);
      if (atMs % ASKED_EVERY === 1) await this.#ask(process, nowMs);
      if (atMs % ASKED_EVERY !== 2 || !one) return;
      const objection = await this.again(process, one);
      if (objection !== undefined) this.objections.push(objection);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
    }
  }

  async #ask(process: SimProcess, atMs?: number): Promise<void> {
    const known = await (atMs === undefined ? process.storedPlaces.now() : process.storedPlaces.at({ atMs }));
    if (!known.place) return;
    this.#given.push({ place: formatStoredPlace(known.place), answer: await textOf(process, known) });
  }

  clear(): void {
    this.#given.length = this.objections.length = 0;
  }

  /** @returns an objection if the answer is another one now */
  async again(process: SimProcess, { place: text, answer }: Given): Promise<string | undefined> {
    // As a client has it.
    const place = parseStoredPlace(text);
    if (!place) return `${text} cannot be read`;
    const found = await textOf(process, await process.storedPlaces.at({ place }));
    return found === answer ? undefined : `at ${text} the lists were ${answer}, and as known then they are ${found}`;
  }
}

/** Both lists, with their totals, the counts also page by page. */
async function textOf(process: SimProcess, { place, view }: KnownLists): Promise<string> {
  const [{ eventPages: pages }, blocks] = [process, place?.blocks];
  const counts = new CountsOfAll({ pages, view, blocks });
  const page = await counts.page({ range: ALL, after: null, desc: false, limit: MORE_THAN_ALL });
  const readings = await pages.readings({
    ...{ filter: undefined, sort: 'timestamp', desc: false, offset: 0, after: null, limit: MORE_THAN_ALL, blocks },
  });
  const totals = [await counts.total(ALL), await pages.countReadings(undefined, blocks)];
  return JSON.stringify([totals, page.map(listed), readings]);
}

function listed({ spaceId, timestampMs, readingId, entrances, exits, count, net, isFinal }: CountAfterEvent): unknown {
  return [spaceId, timestampMs, readingId, entrances, exits, count, net, isFinal];
}

/** Once everything is stored, each event of a space is listed with the count after it. */
export async function objectionsToCountsOfAll(process: SimProcess, oracle: Oracle): Promise<string[]> {
  const { place, view } = await process.storedPlaces.now();
  const counts = new CountsOfAll({ pages: process.eventPages, view, blocks: place?.blocks });
  const found = await counts.page({ range: ALL, after: null, desc: false, limit: MORE_THAN_ALL });
  return oracle.spaces.flatMap(({ id }) => {
    const space = oracle.space(id);
    const expected = space.events
      .filter(({ entrances, exits }) => entrances + exits > 0)
      .map((event) => [event.timestampMs, event.readingId, event.entrances, event.exits, space.countAfter(event)]);
    const listedOf = found
      .filter(({ spaceId }) => spaceId === id)
      .map(({ timestampMs, readingId, entrances, exits, count }) => [timestampMs, readingId, entrances, exits, count]);
    const [is, shouldBe] = [JSON.stringify(listedOf), JSON.stringify(expected)];
    return is === shouldBe ? [] : [`space ${id}: the counts of all spaces have ${is}, and should have ${shouldBe}`];
  });
}

/** For a time: exactly the lists at the place that it stands for. */
export async function objectionsToTimeOfLists(process: SimProcess, atMs: number): Promise<string[]> {
  try {
    const known = await process.storedPlaces.at({ atMs });
    const again = await process.storedPlaces.at({ place: known.place });
    const [is, shouldBe] = [await textOf(process, known), await textOf(process, again)];
    return is === shouldBe ? [] : [`lists at ${atMs}: known by time ${is}, and by its place ${shouldBe}`];
  } catch (error) {
    if (error instanceof Failure && error.kind !== 'unavailable') return [];
    throw error;
  }
}
