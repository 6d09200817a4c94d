// Checks during a run that stored and waiting events together equal the events in the log.
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { Oracle } from '../support/oracle.ts';
import type { Engines, SimProcess } from './process.ts';
import { sentIn, type SentEntry } from './sent.ts';

const MINUTE = 60_000;

/**
 * Compares the rollups and readings of a space, stored and unstored, with its events in the log. @returns the
 * differences
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
  const [minutes, readings] = [new Tally(), new Tally()];
  for (const [key, { net, entrances, exits }] of tables.minutes) {
    const [space, minute] = key.split(' ');
    if (Number(space) !== spaceId) continue;
    minutes.add(`net of minute ${minute}`, net);
    minutes.add(`entrances of minute ${minute}`, entrances);
    minutes.add(`exits of minute ${minute}`, exits);
  }
  for (const row of tables.readings)
    if (row.spaceId === spaceId) readings.add(`reading ${row.readingId} ${row.timestampMs}`, row.sign);
  const count = (event: LoggedEvent, sign: number): void => {
    const minute = Math.floor(event.timestampMs / MINUTE);
    minutes.add(`net of minute ${minute}`, (event.entrances - event.exits) * sign);
    minutes.add(`entrances of minute ${minute}`, event.entrances * sign);
    minutes.add(`exits of minute ${minute}`, event.exits * sign);
    if (event.primary) readings.add(`reading ${event.readingId} ${event.timestampMs}`, sign);
  };
  for (const event of fold.unstoredEvents(spaceId)) count(event, event.sign);
  for (const event of logged) count(event, -event.sign);
  return [...minutes.others, ...readings.others].map(
    (what) => `space ${spaceId}, log up to ${fold.seq}, block ${fold.storedBlock} stored: difference in ${what}`,
  );
}

/**
 * Compares the account with the entries of READINGS that the routers have consumed, unless they committed meanwhile.
 */
export async function auditAccount({ streams }: Engines, process: SimProcess): Promise<string[]> {
  const { lastSeq } = streams.events;
  const { accepted, applied, held, duplicate, deadLettered, deadLetters, evicted, remainder } =
    await process.accounts.read();
  if (remainder !== 0) return [`account: the remainder is ${remainder}`];
  if (streams.events.lastSeq !== lastSeq) return [];
  const consumed = Array.from({ length: streams.partitions }, (_, k) => consumedBy(streams, k as Partition)).flat();
  const { readings, items } = sentIn(consumed, streams.topology);
  const distinct = new Oracle(readings, []).readings.length;
  const is = JSON.stringify([accepted, applied + held, duplicate, deadLettered]);
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
  const { readingsSeq, backlogs } = decodeCommit(stored).header;
  return readings.everything.flatMap((entry) => {
    if (!entry.subject.startsWith(`readings.${router}.`) || entry.seq > readingsSeq) return [];
    const backlog = backlogs.find(({ subject }) => subject === entry.subject);
    if (!backlog || entry.seq < backlog.seq) return [entry];
    return entry.seq === backlog.seq ? [{ ...entry, itemsMax: backlog.index }] : [];
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
