// Finds messages that READINGS holds and does not return. A bit that is flipped in the length of a message's headers,
// which no checksum of nats-server covers, makes the server skip the message, and consumers are not told
// (docs/failures.md). The readings of a message that was not routed are lost. Those of all others are in SPACE_EVENTS or in
// ClickHouse, and nothing has to be done. A process that has just been started cannot tell which of the two it is unless
// they are in ClickHouse.
//
// Files are damaged while nobody looks at them, so the messages are read once after each connection to NATS.
import { allPartitions } from '../domain/partition.ts';
import type { EpochRecords } from '../ports/recovery.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { readable } from '../router/marked-logs.ts';

/** Bounds the time of an inspection; the next one continues. */
const MESSAGES_PER_INSPECTION = 200_000;
const REPORTS_MAX = 100;

export type SeqRange = readonly [fromSeq: number, toSeq: number];

/** What a repair recorded about such messages. */
export interface UnreadableReport {
  /** How many there are. They may not have been routed, so that their readings are lost. */
  readonly messages: number;
  readonly ranges: readonly SeqRange[];
  /** When the readable messages before and after them were stored; null if there is none. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** What a repair records when it begins, because it may be killed. */
export interface BegunReport {
  readonly unreadable: UnreadableReport;
}

export interface UnreadableReadingsDeps {
  readonly readings: Pick<ReadingsLog, 'unreadable' | 'at'>;
  readonly records: Pick<EpochRecords, 'reports'>;
  /** The sequence up to which the readings of all messages are stored in ClickHouse. */
  readonly storedSeq: () => Promise<number>;
}

export class UnreadableReadings {
  readonly #deps: UnreadableReadingsDeps;
  #isDue = true;
  /** Up to where all routers had routed at the last inspection; undefined before the first one. */
  #routedSeq: number | undefined;
  #unread: { readonly afterSeq: number; readonly toSeq: number } | undefined;
  /** The sequences found, without those that a repair has reported. */
  #found: readonly number[] = [];

  constructor(deps: UnreadableReadingsDeps) {
    this.#deps = deps;
  }

  /** Reads the messages again at the next inspection, because the server may have been restarted. */
  lookAgain(): void {
    this.#isDue = true;
  }

  /**
   * @param routedSeq the sequence up to which every router has routed
   * @returns the messages that were found so far and that no repair has reported
   */
  async unreported(routedSeq: number, lastSeq: number): Promise<readonly SeqRange[]> {
    if (this.#isDue) {
      const unfinishedSeq = Math.min(this.#unread?.afterSeq ?? Infinity, (this.#found[0] ?? Infinity) - 1);
      // Up to here routers had certainly routed before they could skip a message. A process that has just been started
      // does not know that, because the routers of others may have run on.
      const knownSeq = this.#routedSeq ?? (await this.#deps.storedSeq());
      this.#unread = { afterSeq: Math.min(knownSeq, routedSeq, unfinishedSeq), toSeq: lastSeq };
      this.#found = [];
      this.#isDue = false;
    }
    this.#routedSeq = routedSeq;
    await this.#readOn();
    await this.#dropReported();
    return joined(this.#found.map((seq) => [seq, seq]));
  }

  /** For the report of a repair; undefined if nothing was found. */
  async report(): Promise<UnreadableReport | undefined> {
    await this.#dropReported();
    const [first, last] = [this.#found[0], this.#found.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const { readings } = this.#deps;
    return {
      messages: this.#found.length,
      ranges: joined(this.#found.map((seq) => [seq, seq])),
      fromMs: (await readings.at(first - 1))?.timeMs ?? null,
      toMs: (await readings.at(last + 1))?.timeMs ?? null,
    };
  }

  async #readOn(): Promise<void> {
    if (!this.#unread) return;
    const { afterSeq, toSeq } = this.#unread;
    const endSeq = Math.min(toSeq, afterSeq + MESSAGES_PER_INSPECTION);
    if (endSeq > afterSeq) this.#found = [...this.#found, ...(await this.#deps.readings.unreadable(afterSeq, endSeq))];
    this.#unread = endSeq < toSeq ? { afterSeq: endSeq, toSeq } : undefined;
  }

  async #dropReported(): Promise<void> {
    if (this.#found.length === 0) return;
    const reports = await this.#deps.records.reports(REPORTS_MAX);
    const reported = reports.flatMap(({ report }) => unreadableIn(report)?.ranges ?? []);
    this.#found = this.#found.filter((seq) => !reported.some(([from, to]) => from <= seq && seq <= to));
  }
}

/** @param storedBeforeSeq all commits of SPACE_EVENTS before this sequence are stored in ClickHouse */
export async function storedReadingsSeq(
  partitions: number,
  events: Pick<SpaceEventsLog, 'firstCommitFrom'>,
  storedBeforeSeq: number,
): Promise<number> {
  const unstored = await Promise.all(
    allPartitions(partitions).map((router) => readable(() => events.firstCommitFrom(router, storedBeforeSeq))),
  );
  return Math.min(...unstored.map((header) => header?.previousReadingsSeq ?? Infinity));
}

/** @param report what a repair recorded, when it began or when it was finished, as JSON */
export function unreadableIn(report: string): UnreadableReport | undefined {
  return (JSON.parse(report) as Partial<BegunReport>).unreadable;
}

/** All reports as one, in which each message is named once; undefined if there are none. */
export function mergedReports(reports: readonly UnreadableReport[]): UnreadableReport | undefined {
  if (reports.length === 0) return undefined;
  const ranges = joined(reports.flatMap((report) => report.ranges));
  const [from, to] = [reports.flatMap(({ fromMs }) => fromMs ?? []), reports.flatMap(({ toMs }) => toMs ?? [])];
  return {
    messages: ranges.reduce((sum, [fromSeq, toSeq]) => sum + toSeq - fromSeq + 1, 0),
    ranges,
    fromMs: from.length > 0 ? Math.min(...from) : null,
    toMs: to.length > 0 ? Math.max(...to) : null,
  };
}

/** In ascending order, without overlaps, and as few as possible. */
function joined(ranges: readonly SeqRange[]): SeqRange[] {
  const result: [number, number][] = [];
  for (const [fromSeq, toSeq] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last && fromSeq <= last[1] + 1) last[1] = Math.max(last[1], toSeq);
    else result.push([fromSeq, toSeq]);
  }
  return result;
}
