// What a count is made of: the reset in force, who passed each doorway since, and the exits that the floor at 0 left without
// effect. All terms of an answer come from one report and the history up to its block, so they add up (T19):
//
//   net = the reset's count + entrances - exits        drift = exits at zero        count = net + drift
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import type { HeldBackBy } from '../../actors/space/watermark.ts';
import type { AsOf } from '../domain/as-of.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import {
  isSameReset,
  NEVER_RESET,
  resetInForce,
  resetsBetween,
  type ResetPoint,
  type ResetSchedule,
} from '../domain/reset-schedule.ts';
import { countOf, driftOf, occupancyAfterReset, type Occupancy } from '../domain/segment.ts';
import { signatureOf } from '../domain/topology-edits.ts';
import type { Author } from '../domain/topology.ts';
import type { TopologyPlace } from '../domain/topology-place.ts';
import type { DoorwayTotal, ExitsAtInstant, History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { follow, UNSTORED_PER_QUERY, type Followed } from './exits-at-zero.ts';
import { asOfAnswer, placeOf, type TopologyOfCounts } from './known-space.ts';
import { reportNow } from './report-now.ts';
import { unstoredIn } from './runs.ts';
import { scheduleOf, type RecordedSchedule } from './schedule-of.ts';

/** Resets within an interval; each is listed. */
const RESETS_MAX = 1_000;

/** A reset, and where it comes from. */
export interface KnownReset extends ResetPoint {
  /** Unique for the space; null for a daily reset. */
  readonly id: number | null;
  /** When a person recorded it; null for a daily reset. */
  readonly recordedMs: number | null;
  /** Who recorded it or changed it last; null for a daily reset, and for one that an earlier version recorded. */
  readonly setBy: Author | null;
  readonly setAtMs: number | null;
}

/** What the explanations of an instant and of an interval have in common. */
interface Terms {
  readonly spaceId: SpaceId;
  /** By doorway and DPU, without those that add nothing. */
  readonly doorways: readonly DoorwayTotal[];
  /** The newest instants with exits that did not change the count, newest first. */
  readonly exitsAtZero: readonly ExitsAtInstant[];
  /** The sum over all such instants. */
  readonly exitsAtZeroCount: number;
  readonly watermarkMs: number;
  /** Null if the answer is final. */
  readonly heldBackBy: HeldBackBy | null;
  readonly isFinal: boolean;
  /** How many of the people in `doorways` passed after the watermark. */
  readonly provisional: People;
  /** How many events of the space were late, at any time: which ones depends on the order of arrival, and is not stored. Null in an explanation of what was known. */
  readonly lateEvents: number | null;
  /** Where it can be given again. */
  readonly asOf: AsOf;
  readonly isStale: boolean;
}

interface People {
  readonly entrances: number;
  readonly exits: number;
}

export interface Explanation extends Terms {
  readonly timestampMs: number;
  readonly count: number;
  readonly net: number;
  readonly drift: number;
  /** Null if the space was never reset before that instant. */
  readonly reset: KnownReset | null;
}

/** `countAtEnd` is `countAtStart` + entrances - exits + exits at zero + what each reset changed. */
export interface IntervalExplanation extends Terms, People {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Just before the start. */
  readonly countAtStart: number;
  readonly countAtEnd: number;
  readonly resets: readonly (KnownReset & { readonly countBefore: number })[];
}

export class Explanations {
  readonly #topology: TopologyOfCounts;
  readonly #reports: SpaceReports;
  readonly #history: Pick<History, 'doorwayTotals' | 'exitsAtZero'>;
  readonly #unstoredPerQuery: number;

  constructor(
    topology: TopologyOfCounts,
    reports: SpaceReports,
    history: Pick<History, 'doorwayTotals' | 'exitsAtZero'>,
    unstoredPerQuery = UNSTORED_PER_QUERY,
  ) {
    this.#topology = topology;
    this.#reports = reports;
    this.#history = history;
    this.#unstoredPerQuery = unstoredPerQuery;
  }

  async now(spaceId: SpaceId, nowMs: number, allowsStale = false): Promise<Explanation> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    const { report, instantMs } = await reportNow(this.#reports, spaceId, nowMs, allowsStale);
    return this.#at(report, schedule, place, instantMs);
  }

  async at(spaceId: SpaceId, atMs: number, allowsStale = false): Promise<Explanation> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    return this.#at(await this.#reports.report(spaceId, atMs, allowsStale), schedule, place, atMs);
  }

  async #at(report: KnownReport, schedule: RecordedSchedule, place: TopologyPlace, atMs: number): Promise<Explanation> {
    const reset = resetInForce(schedule, atMs);
    const span = { afterMs: reset.timestampMs, upToMs: atMs };
    const [terms, doorways, { occupancy, exits, newest }] = await Promise.all([
      this.#terms(report, span, place),
      this.#doorways(report, span),
      this.#follow(report, span, occupancyAfterReset(reset.count)),
    ]);
    return {
      ...terms,
      timestampMs: atMs,
      count: countOf(occupancy),
      net: occupancy.net,
      drift: driftOf(occupancy),
      reset: isSameReset(reset, NEVER_RESET) ? null : this.#known(schedule, reset),
      doorways,
      exitsAtZero: newest,
      exitsAtZeroCount: exits,
    };
  }

  /** @throws Failure invalid when there are too many resets to list */
  async between(spaceId: SpaceId, fromMs: number, toMs: number, allowsStale = false): Promise<IntervalExplanation> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    // An instant is a millisecond: `[from, to)` is `(from - 1, to - 1]`.
    const span = { afterMs: fromMs - 1, upToMs: toMs - 1 };
    const resets = listedResets(schedule, span);
    const base = resetInForce(schedule, span.afterMs);
    const report = await this.#reports.report(spaceId, span.upToMs, allowsStale);
    const before = { afterMs: base.timestampMs, upToMs: span.afterMs };
    const [terms, doorways, { occupancy: start }] = await Promise.all([
      this.#terms(report, span, place),
      this.#doorways(report, span),
      this.#follow(report, before, occupancyAfterReset(base.count)),
    ]);
    const { occupancy, countsBefore, exits, newest } = await this.#follow(report, span, start, resets);
    return {
      ...terms,
      ...peopleIn(doorways),
      fromMs,
      toMs,
      countAtStart: countOf(start),
      countAtEnd: countOf(occupancy),
      resets: resets.map((reset, n) => ({ ...this.#known(schedule, reset), countBefore: countsBefore[n] ?? 0 })),
      doorways,
      exitsAtZero: newest,
      exitsAtZeroCount: exits,
    };
  }

  #known({ manual }: RecordedSchedule, { timestampMs, count }: ResetPoint): KnownReset {
    const recorded = manual.findLast((reset) => reset.timestampMs === timestampMs);
    const entry = recorded && this.#topology.entryOfReset(recorded);
    const { by: setBy, atMs: setAtMs } = entry ? signatureOf(entry) : { by: null, atMs: null };
    return { id: recorded?.id ?? null, timestampMs, count, recordedMs: recorded?.recordedMs ?? null, setBy, setAtMs };
  }

  async #terms(
    report: KnownReport,
    { afterMs, upToMs }: Span,
    place: TopologyPlace,
  ): Promise<Omit<Terms, 'doorways' | 'exitsAtZero' | 'exitsAtZeroCount'>> {
    const { spaceId, watermarkMs, heldBackBy, lateEvents, isStale } = report;
    const isFinal = watermarkMs > BEGINNING_MS && upToMs <= watermarkMs;
    const provisional = { afterMs: Math.max(afterMs, watermarkMs), upToMs };
    return {
      spaceId,
      watermarkMs,
      heldBackBy: isFinal ? null : heldBackBy,
      isFinal,
      // Nothing after the watermark is stored, unless the report is of an earlier place.
      provisional: peopleIn(
        report.upTo && !isFinal
          ? await this.#doorways(report, provisional)
          : unstoredIn(report, provisional.afterMs, upToMs),
      ),
      lateEvents,
      isStale,
      asOf: asOfAnswer(report, place, upToMs),
    };
  }

  async #follow(
    report: SpaceReport,
    span: Span,
    start: Occupancy,
    resets: readonly ResetPoint[] = [],
  ): Promise<Followed> {
    return follow(report, { ...span, start, resets }, this.#history, this.#unstoredPerQuery);
  }

  /** A move leaves nothing of a DPU at its old doorway: what is retracted there adds up to 0. */
  async #doorways(report: SpaceReport, { afterMs, upToMs }: Span): Promise<DoorwayTotal[]> {
    const { spaceId, storedBlock: block } = report;
    const stored = await this.#history.doorwayTotals({ spaceId, block, afterMs, upToMs });
    const totals = new Map(stored.map((total) => [keyOf(total), total]));
    for (const event of unstoredIn(report, afterMs, upToMs)) {
      const { doorwayId, dpuId, sign } = event;
      const { entrances, exits } = totals.get(keyOf(event)) ?? NOBODY;
      totals.set(keyOf(event), {
        doorwayId,
        dpuId,
        entrances: entrances + sign * event.entrances,
        exits: exits + sign * event.exits,
      });
    }
    return [...totals.values()]
      .filter(({ entrances, exits }) => entrances !== 0 || exits !== 0)
      .sort((a, b) => a.doorwayId - b.doorwayId || (a.dpuId < b.dpuId ? -1 : 1));
  }
}

/** Events with afterMs < timestamp <= upToMs. */
interface Span {
  readonly afterMs: number;
  readonly upToMs: number;
}

const NOBODY: People = { entrances: 0, exits: 0 };
const keyOf = ({ doorwayId, dpuId }: Pick<DoorwayTotal, 'doorwayId' | 'dpuId'>): string => `${doorwayId} ${dpuId}`;

/** @param people of assertions; retractions have a sign of -1 */
function peopleIn(people: readonly (People & { readonly sign?: number })[]): People {
  return people.reduce<People>(
    (sum, { entrances, exits, sign = 1 }) => ({
      entrances: sum.entrances + sign * entrances,
      exits: sum.exits + sign * exits,
    }),
    NOBODY,
  );
}

function listedResets(schedule: ResetSchedule, { afterMs, upToMs }: Span): ResetPoint[] {
  const resets = resetsBetween(schedule, afterMs, upToMs, RESETS_MAX + 1);
  if (resets.length > RESETS_MAX)
    throw new Failure(
      'invalid',
      `the space was reset more than ${RESETS_MAX.toLocaleString('en')} times in this interval: use a shorter one`,
      { field: 'from' },
    );
  return resets;
}
