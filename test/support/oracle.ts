// The correct value of every count, computed the obvious way: by sorting and adding the set of readings, with the
// placements, doorways and resets. It shares no code with the service, only types.
import { instantOfDay } from './instant-of-day.ts';
import { compareStandings, readingIdOf, supersedes } from './oracle-readings.ts';
import type {
  Deletion,
  Doorway,
  Dpu,
  Exclusion,
  Reset,
  ResetWithoutId,
  Space,
  TopologyFact,
} from '../../src/domain/topology.ts';

/** Has exactly one of direction, interval and standing. */
export interface OracleReading {
  readonly dpuId: string;
  readonly timestampMs: number;
  readonly direction?: number | undefined;
  /** How many people passed since `startMs`, if that is known. Of those with a revision and the same interval, one counts. */
  readonly interval?:
    | {
        readonly entrances: number;
        readonly exits: number;
        readonly startMs?: number | undefined;
        readonly revision?: number | undefined;
      }
    | undefined;
  /** The values of the counters. */
  readonly standing?:
    { readonly entrances: number; readonly exits: number; readonly epoch?: string | undefined } | undefined;
  /** Its position in READINGS, if it had no timestamp. */
  readonly place?: string | undefined;
  readonly name?: string | undefined;
}

export interface OracleEvent {
  readonly spaceId: number;
  readonly doorwayId: number;
  readonly dpuId: string;
  readonly timestampMs: number;
  readonly readingId: string;
  readonly entrances: number;
  readonly exits: number;
  readonly isEgress?: boolean;
}

export interface OracleCount {
  readonly count: number;
  readonly net: number;
  readonly drift: number;
}

export interface OracleInterval {
  readonly startMs: number;
  readonly endMs: number;
  readonly entrances: number;
  readonly exits: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

interface OraclePeople {
  readonly entrances: number;
  readonly exits: number;
}

interface OracleReset {
  /** Null like `recordedMs`. */
  readonly id: number | null;
  readonly timestampMs: number;
  readonly count: number;
  /** Null for a daily reset, and for the count of 0 at the beginning of time. */
  readonly recordedMs: number | null;
  /** Who recorded it or changed it last, and when; null like `recordedMs`. */
  readonly setBy: string | null;
  readonly setAtMs: number | null;
}

/** What a count is made of, and what happened in an interval. */
interface OracleTerms {
  readonly doorways: readonly (OraclePeople & { readonly doorwayId: number; readonly dpuId: string })[];
  /** Exits that did not change the count because it was 0, newest first. */
  readonly exitsAtZero: readonly { readonly timestampMs: number; readonly exits: number }[];
  readonly provisional: OraclePeople;
}

export interface OracleExplanation extends OracleCount, OracleTerms {
  readonly reset: OracleReset | null;
}

export interface OracleIntervalExplanation extends OraclePeople, OracleTerms {
  readonly countAtStart: number;
  readonly countAtEnd: number;
  readonly resets: readonly (OracleReset & { readonly countBefore: number })[];
}

const NOWHERE = 0;
/** Stands for the doorway of deleted readings. */
const DELETED = -1;
const DAY = 86_400_000;

/** When a space is reset, and to which count; manual resets in the order they were recorded. */
export interface OracleSchedule {
  readonly timeZone: string;
  readonly dailyReset: string | null;
  readonly dailyResetCount: number;
  readonly manual: readonly {
    readonly id?: number;
    readonly timestampMs: number;
    readonly count: number;
    readonly recordedMs?: number;
    readonly setBy?: string | null;
    readonly setAtMs?: number | null;
  }[];
}

/** The correct counts of one space, from its events and resets. */
export class SpaceOracle {
  /** In (timestamp, reading id) order. */
  readonly events: readonly OracleEvent[];
  readonly schedule: OracleSchedule;

  constructor(events: readonly OracleEvent[], schedule: OracleSchedule) {
    this.events = [...events].sort(compareEvents);
    this.schedule = schedule;
  }

  at(atMs: number): OracleCount {
    const reset = this.resetAt(atMs);
    let [net, lowestNet] = [reset.count, reset.count];
    for (const event of this.events) {
      if (event.timestampMs <= reset.timestampMs || event.timestampMs > atMs) continue;
      net += event.entrances - event.exits;
      lowestNet = Math.min(lowestNet, net);
    }
    const count = net - Math.min(0, lowestNet);
    return { count, net, drift: count - net };
  }

  /** T17: when the newest reading up to an instant was, whoever passed; -1 where there is none. */
  lastReadingAt(atMs: number): number {
    const times = this.events.map(({ timestampMs }) => timestampMs);
    return Math.max(-1, ...times.filter((timestampMs) => timestampMs <= atMs));
  }

  /**
   * `min` and `max` of the count just before the start (at the start, if there is a reset), after each event, and after
   * each reset.
   */
  interval(startMs: number, endMs: number): OracleInterval {
    // A standing without people since the previous one is not an event.
    const events = this.events.filter(
      ({ timestampMs, entrances, exits }) => startMs <= timestampMs && timestampMs < endMs && entrances + exits > 0,
    );
    const isResetAtStart = this.resetAt(startMs).timestampMs === startMs;
    const counts = [this.at(isResetAtStart ? startMs : startMs - 1).count];
    for (const event of events) counts.push(this.countAfter(event));
    for (const resetMs of this.#resetInstants(startMs, endMs)) counts.push(this.resetAt(resetMs).count);
    return {
      startMs,
      endMs,
      entrances: events.reduce((sum, { entrances }) => sum + entrances, 0),
      exits: events.reduce((sum, { exits }) => sum + exits, 0),
      min: Math.min(...counts),
      max: Math.max(...counts),
      count: this.at(endMs - 1).count,
    };
  }

  /** T19: who passed since the reset. What passed after the watermark is provisional. */
  explain(atMs: number, watermarkMs: number): OracleExplanation {
    const reset = this.resetAt(atMs);
    return {
      ...this.at(atMs),
      reset: reset.timestampMs < 0 ? null : reset,
      ...this.#terms(reset.timestampMs, atMs, watermarkMs),
    };
  }

  /** T19: the same for an interval, with its resets. */
  explainInterval(startMs: number, endMs: number, watermarkMs: number): OracleIntervalExplanation {
    const instants = [...new Set(this.#resetInstants(startMs, endMs))].sort((a, b) => a - b);
    const terms = this.#terms(startMs - 1, endMs - 1, watermarkMs);
    return {
      ...peopleIn(terms.doorways),
      countAtStart: this.at(startMs - 1).count,
      countAtEnd: this.at(endMs - 1).count,
      resets: instants.map((resetMs) => ({ ...this.resetAt(resetMs), countBefore: this.#countBefore(resetMs) })),
      ...terms,
    };
  }

  #terms(afterMs: number, upToMs: number, watermarkMs: number): OracleTerms {
    const events = this.events.filter(({ timestampMs }) => timestampMs > afterMs && timestampMs <= upToMs);
    const keys = [...new Set(events.map(({ doorwayId, dpuId }) => JSON.stringify([doorwayId, dpuId])))];
    return {
      doorways: keys
        .map((key) => {
          const [doorwayId, dpuId] = JSON.parse(key) as [number, string];
          return {
            doorwayId,
            dpuId,
            ...peopleIn(events.filter((event) => event.doorwayId === doorwayId && event.dpuId === dpuId)),
          };
        })
        .filter(({ entrances, exits }) => entrances + exits > 0)
        .sort((a, b) => a.doorwayId - b.doorwayId || (a.dpuId < b.dpuId ? -1 : 1)),
      exitsAtZero: this.#exitsAtZero(upToMs).filter(({ timestampMs }) => timestampMs > afterMs),
      provisional: peopleIn(events.filter(({ timestampMs }) => timestampMs > watermarkMs)),
    };
  }

  /** Counts without a net: nobody can leave an empty space. */
  #exitsAtZero(upToMs: number): { timestampMs: number; exits: number }[] {
    const found = new Map<number, number>();
    let [reset, count] = [this.resetAt(-1), 0];
    for (const { timestampMs, entrances, exits } of this.events) {
      if (timestampMs > upToMs) break;
      const inForce = this.resetAt(timestampMs - 1);
      if (inForce.timestampMs !== reset.timestampMs) [reset, count] = [inForce, inForce.count];
      count += entrances - exits;
      if (count < 0) found.set(timestampMs, (found.get(timestampMs) ?? 0) - count);
      count = Math.max(0, count);
    }
    return [...found].map(([timestampMs, exits]) => ({ timestampMs, exits })).reverse();
  }

  /** The count at an instant, had there been no reset at that very instant. */
  #countBefore(resetMs: number): number {
    let count = this.at(resetMs - 1).count;
    for (const { timestampMs, entrances, exits } of this.events)
      if (timestampMs === resetMs) count = Math.max(0, count + entrances - exits);
    return count;
  }

  /** The latest reset at or before an instant, daily or manual; a manual reset wins a tie. */
  resetAt(atMs: number): OracleReset {
    const nobody = { id: null, recordedMs: null, setBy: null, setAtMs: null };
    let found: OracleReset = { ...nobody, timestampMs: -1, count: 0 };
    const daily = this.#dailyResets(atMs - 3 * DAY, atMs)
      .filter((instant) => instant >= 0)
      .at(-1);
    if (daily !== undefined) found = { ...nobody, timestampMs: daily, count: this.schedule.dailyResetCount };
    for (const reset of this.schedule.manual) {
      const { id = null, timestampMs, count, recordedMs = null, setBy = null, setAtMs = null } = reset;
      if (timestampMs <= atMs && timestampMs >= found.timestampMs)
        found = { id, timestampMs, count, recordedMs, setBy, setAtMs };
    }
    return found;
  }

  /** The count just after one event, which may share its millisecond with others. */
  countAfter(event: OracleEvent): number {
    const reset = this.resetAt(event.timestampMs - 1);
    let [net, lowestNet] = [reset.count, reset.count];
    for (const other of this.events) {
      if (other.timestampMs <= reset.timestampMs || compareEvents(other, event) > 0) continue;
      net += other.entrances - other.exits;
      lowestNet = Math.min(lowestNet, net);
    }
    return net - Math.min(0, lowestNet);
  }

  #resetInstants(fromMs: number, toMs: number): number[] {
    const manual = this.schedule.manual.map(({ timestampMs }) => timestampMs);
    return [...manual, ...this.#dailyResets(fromMs - 1, toMs - 1)].filter(
      (instant) => fromMs <= instant && instant < toMs,
    );
  }

  #dailyResets(afterMs: number, upToMs: number): number[] {
    const { dailyReset, timeZone } = this.schedule;
    if (dailyReset === null) return [];
    const found: number[] = [];
    for (let day = afterMs - 2 * DAY; day <= upToMs + 2 * DAY; day += DAY) {
      const date = new Date(day);
      found.push(instantOfDay(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), dailyReset, timeZone));
    }
    return [...new Set(found)].filter((instant) => instant > afterMs && instant <= upToMs).sort((a, b) => a - b);
  }
}

interface SignedReset extends Reset {
  readonly setBy: string | null;
  readonly setAtMs: number | null;
}

export class Oracle {
  /** One reading per identity, in (timestamp, id) order. */
  readonly readings: (OracleReading & { readonly readingId: string })[];
  readonly #spaces = new Map<number, Space>();
  readonly #doorways = new Map<number, Doorway>();
  readonly #dpus = new Map<string, Dpu>();
  /** Without deleted ones, in the order in which they were recorded or last changed. */
  #resets: SignedReset[] = [];
  /** The number of resets that each space ever had. */
  readonly #recorded = new Map<number, number>();
  /** The last version of each. */
  readonly #exclusions = new Map<string, Exclusion>();
  /** By reading id. */
  readonly #deletions = new Map<string, Deletion>();
  readonly #events = new Map<number, OracleEvent[]>();
  /** The standings of each DPU, in order, without deleted ones. */
  readonly #standings = new Map<string, OracleReading[]>();

  constructor(sent: readonly OracleReading[], facts: readonly TopologyFact[]) {
    for (const entry of facts) this.#hear(entry);
    const byId = new Map(sent.map((reading) => [readingIdOf(reading), reading]));
    this.readings = [...byId].map(([readingId, reading]) => ({ ...reading, readingId })).sort(compareEvents);
    for (const reading of this.readings) {
      if (!reading.standing || this.#isDeleted(reading)) continue;
      const standings = this.#standings.get(reading.dpuId) ?? [];
      this.#standings.set(reading.dpuId, [...standings, reading].sort(compareStandings));
    }
    for (const reading of this.readings)
      for (const event of this.#eventsOf(reading)) this.#eventsOfSpace(event.spaceId).push(event);
  }

  #hear(entry: TopologyFact): void {
    for (const fact of entry.kind === 'batch' ? entry.doc : [entry]) {
      if (fact.kind === 'space') this.#spaces.set(fact.doc.id, fact.doc);
      if (fact.kind === 'doorway') this.#doorways.set(fact.doc.id, fact.doc);
      if (fact.kind === 'dpu') this.#dpus.set(fact.doc.id, fact.doc);
      if (fact.kind === 'exclusion') this.#exclusions.set(`${fact.doc.dpuId} ${fact.doc.id}`, fact.doc);
      if (fact.kind === 'deletion') this.#deletions.set(fact.doc.readingId, fact.doc);
      if (fact.kind === 'reset') this.#hearReset(fact.doc, { setBy: entry.by ?? null, setAtMs: entry.atMs ?? null });
    }
  }

  get spaces(): Space[] {
    return [...this.#spaces.values()].filter((space) => !space.deleted);
  }

  /** How many readings are of DPUs that were above no doorway at that time. */
  get held(): number {
    return this.#eventsOfSpace(NOWHERE).filter(({ doorwayId }) => doorwayId === 0).length;
  }

  /** How many readings are of DPUs above a doorway, in one of their exclusions. */
  get excluded(): number {
    return this.#eventsOfSpace(NOWHERE).length - this.held - this.deleted;
  }

  /** How many readings are deleted, wherever their DPU was. */
  get deleted(): number {
    return this.#eventsOfSpace(NOWHERE).filter(({ doorwayId }) => doorwayId === DELETED).length;
  }

  events(spaceId: number): readonly OracleEvent[] {
    return this.#eventsOfSpace(spaceId);
  }

  /** Of all spaces, deleted ones included. */
  allEvents(): OracleEvent[] {
    return [...this.#events.values()].flat();
  }

  at(spaceId: number, atMs: number): OracleCount {
    return this.space(spaceId).at(atMs);
  }

  lastReadingAt(spaceId: number, atMs: number): number {
    return this.space(spaceId).lastReadingAt(atMs);
  }

  interval(spaceId: number, startMs: number, endMs: number): OracleInterval {
    return this.space(spaceId).interval(startMs, endMs);
  }

  space(spaceId: number): SpaceOracle {
    const space = this.#spaces.get(spaceId);
    return new SpaceOracle(this.#eventsOfSpace(spaceId), {
      timeZone: space?.timeZone ?? 'UTC',
      dailyReset: space?.dailyReset ?? null,
      dailyResetCount: space?.dailyResetCount ?? 0,
      manual: this.#resets.filter((reset) => reset.spaceId === spaceId),
    });
  }

  /** Without an id it is the next one of its space. */
  #hearReset(doc: Reset | ResetWithoutId, signature: Pick<SignedReset, 'setBy' | 'setAtMs'>): void {
    const { spaceId } = doc;
    const recorded = this.#recorded.get(spaceId) ?? 0;
    const reset = { id: recorded + 1, updatedMs: doc.recordedMs, deleted: false, ...doc, ...signature };
    this.#recorded.set(spaceId, Math.max(recorded, reset.id));
    this.#resets = this.#resets.filter((other) => other.spaceId !== spaceId || other.id !== reset.id);
    if (!reset.deleted) this.#resets.push(reset);
  }

  #eventsOf(reading: OracleReading & { readonly readingId: string }): OracleEvent[] {
    const placements = this.#dpus.get(reading.dpuId)?.placements ?? [];
    const placement = placements.filter(({ fromMs }) => fromMs <= reading.timestampMs).at(-1);
    const doorway = this.#doorways.get(placement?.doorwayId ?? 0);
    const [entrances, exits] = this.#entrancesAndExits(reading);
    const event = (spaceId: number, entered: number, left: number): OracleEvent => ({
      spaceId,
      doorwayId: doorway?.id ?? 0,
      dpuId: reading.dpuId,
      entrances: entered,
      exits: left,
      timestampMs: reading.timestampMs,
      readingId: reading.readingId,
    });
    if (this.#isDeleted(reading)) return [{ ...event(NOWHERE, entrances, exits), doorwayId: DELETED }];
    if (!doorway || this.#isExcluded(reading)) return [event(NOWHERE, entrances, exits)];
    const events: OracleEvent[] = [];
    if (doorway.ingressSpaceId !== null) events.push(event(doorway.ingressSpaceId, entrances, exits));
    const { egressSpaceId } = doorway;
    if (egressSpaceId !== null) events.push({ ...event(egressSpaceId, exits, entrances), isEgress: true });
    return events;
  }

  #isExcluded({ dpuId, timestampMs }: OracleReading): boolean {
    for (const exclusion of this.#exclusions.values())
      if (exclusion.dpuId === dpuId && !exclusion.deleted)
        if (timestampMs >= exclusion.fromMs && timestampMs < exclusion.toMs) return true;
    return false;
  }

  #isDeleted({ readingId }: { readonly readingId: string }): boolean {
    return this.#deletions.get(readingId)?.restored === false;
  }

  /** T21: a deleted reading reports its own people, and nobody if it would count by its neighbours. */
  #entrancesAndExits(
    reading: OracleReading & { readonly readingId: string },
  ): readonly [entrances: number, exits: number] {
    const dependsOnOthers = reading.standing !== undefined || reading.interval?.revision !== undefined;
    if (dependsOnOthers && this.#isDeleted(reading)) return [0, 0];
    if (reading.interval) {
      const isSuperseded = this.readings.some((other) => !this.#isDeleted(other) && supersedes(other, reading));
      return isSuperseded ? [0, 0] : [reading.interval.entrances, reading.interval.exits];
    }
    if (!reading.standing) return reading.direction === 1 ? [1, 0] : [0, 1];
    const standings = this.#standings.get(reading.dpuId) ?? [];
    const before = standings[standings.indexOf(reading) - 1]?.standing;
    if (!before) return [0, 0];
    const { entrances, exits, epoch } = reading.standing;
    const modulus = this.#dpus.get(reading.dpuId)?.counterModulus ?? undefined;
    const [entered, left] = [increase(before.entrances, entrances, modulus), increase(before.exits, exits, modulus)];
    const hasRestarted = before.epoch !== epoch || entered === undefined || left === undefined;
    return hasRestarted ? [entrances, exits] : [entered, left];
  }

  #eventsOfSpace(spaceId: number): OracleEvent[] {
    let events = this.#events.get(spaceId);
    if (!events) this.#events.set(spaceId, (events = []));
    return events;
  }
}

function peopleIn(people: readonly OraclePeople[]): OraclePeople {
  return {
    entrances: people.reduce((sum, { entrances }) => sum + entrances, 0),
    exits: people.reduce((sum, { exits }) => sum + exits, 0),
  };
}

/** By how much a counter has increased; undefined if it was reset to 0 meanwhile. */
function increase(from: number, to: number, modulus: number | undefined): number | undefined {
  if (to >= from) return to - from;
  if (modulus === undefined) return undefined;
  let difference = to - from;
  while (difference < 0) difference += modulus;
  return difference * 2 < modulus ? difference : undefined;
}

function compareEvents(
  a: { timestampMs: number; readingId: string },
  b: { timestampMs: number; readingId: string },
): number {
  return a.timestampMs - b.timestampMs || (a.readingId < b.readingId ? -1 : a.readingId > b.readingId ? 1 : 0);
}
