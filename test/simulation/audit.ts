// Checks during a run that stored and waiting events together equal the events in the log.
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { Oracle } from '../support/oracle.ts';
import type { Engines, SimProcess } from './process.ts';
import { sentIn, type SentEntry } from './sent.ts';

/**
 * Compares the events in time order and the readings of a space, stored and unstored, with its events in the log.
 * @returns the differences
 */
export function auditTables(
  { tables }: Engines,
  process: SimProcess,
  spaceId: SpaceId,
  logged: readonly LoggedEvent[],
): string[] {
  const fold = process.foldOf(spaceId);
  // A partly stored block, or one whose answer is on its way, counts neither as stored nor as unstored.
  if (!fold || !tables.isWholeUpTo(fold.partition, fold.storedBlock)) return [];
  const [events, readings] = [new Tally(), new Tally()];
  const count = (tally: Tally, { readingId, timestampMs, entrances, exits }: LoggedEvent, sign: number): void => {
    const what = `${readingId} ${timestampMs}`;
    tally.add(`signs of ${what}`, sign);
    tally.add(`entrances of ${what}`, entrances * sign);
    tally.add(`exits of ${what}`, exits * sign);
  };
  const countBoth = (event: LoggedEvent, sign: number): void => {
    count(events, event, sign);
    if (event.primary) count(readings, event, sign);
  };
  for (const row of tables.eventsByTime) if (row.spaceId === spaceId) count(events, row, row.sign);
  for (const row of tables.readings) if (row.spaceId === spaceId) count(readings, row, row.sign);
  for (const event of fold.unstoredEvents(spaceId)) countBoth(event, event.sign);
  for (const event of logged) countBoth(event, -event.sign);
  return [
    ...events.others.map((what) => `events in time order: ${what}`),
    ...readings.others.map((what) => `readings: ${what}`),
  ].map((what) => `space ${spaceId}, log up to ${fold.seq}, block ${fold.storedBlock} stored: difference in ${what}`);
}

/**
 * Compares the account with the entries of READINGS that the routers have consumed, unless they committed meanwhile.
 */
export async function auditAccount({ streams }: Engines, process: SimProcess): Promise<string[]> {
  const { lastSeq } = streams.events;
  const { accepted, applied, held, excluded, deleted, duplicate, deadLettered, deadLetters, evicted, remainder } =
    await process.accounts.read();
  if (remainder !== 0) return [`account: the remainder is ${remainder}`];
  if (streams.events.lastSeq !== lastSeq) return [];
  const consumed = Array.from({ length: streams.partitions }, (_, k) => consumedBy(streams, k as Partition)).flat();
  const { readings, items } = sentIn(consumed, streams.topology);
  const distinct = new Oracle(readings, []).readings.length;
  const is = JSON.stringify([accepted, applied + held + excluded + deleted, duplicate, deadLettered]);
  const shouldBe = JSON.stringify([items, distinct, readings.length - distinct, items - readings.length]);
  const letters = [...Object.values(deadLetters), ...Object.values(evicted)].reduce((sum, count) => sum + count, 0);
  return [
    ...(is === shouldBe
      ? []
      : [
          `account at ${lastSeq} of the log: accepted, distinct, duplicate and dead-lettered are ${is}, should be ${shouldBe}`,
        ]),
    ...(letters >= deadLettered
      ? []
      : [`account at ${lastSeq} of the log: ${letters} dead letters of ${deadLettered}`]),
  ];
}

/** The entries that a router has consumed; of a partly consumed message, the items before its offset. */
function consumedBy({ events, readings }: Engines['streams'], router: Partition): SentEntry[] {
  const stored = events.last(`routers.${router}`);
  if (!stored) return [];
  const { readingsSeq, waiting } = decodeCommit(stored).header;
  return readings.everything.flatMap((entry) => {
    if (!entry.subject.startsWith(`readings.${router}.`) || entry.seq > readingsSeq) return [];
    const range = waiting.find(({ fromSeq, toSeq }) => fromSeq <= entry.seq && entry.seq <= toSeq);
    if (!range) return [entry];
    return entry.seq === range.fromSeq ? [{ ...entry, itemsMax: range.index }] : [];
  });
}

class Tally {
  readonly #sums = new Map<string, number>();

  add(key: string, value: number): void {
    this.#sums.set(key, (this.#sums.get(key) ?? 0) + value);
  }

  get others(): string[] {
    return [...this.#sums].filter(([, sum]) => sum !== 0).map(([key, sum]) => `${key}: ${sum}`);
  }
}
