// Compares the end of a run with the oracle: live counts, history, events in time order, the readings, the account.
import { findingsOf } from '../../src/counts/comparison.ts';
import type { CountAnswer } from '../../src/counts/count-at.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { identityOf } from '../../src/domain/reading.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { PassageSource } from '../../src/ports/history.ts';
import { Oracle, type OracleReading } from '../support/oracle.ts';
import { objectionsToAudit } from './audited.ts';
import { drawChange } from './draw-change.ts';
import { objectionsToExplanation } from './explained.ts';
import { objectionsToTime } from './given.ts';
import { objectionsToCountsOfAll, objectionsToTimeOfLists } from './given-lists.ts';
import { objectionsToPassagesByTime } from './given-passages.ts';
import { objectionsToRevisions } from './revised.ts';
import { objectionsToPassages } from './passed.ts';
import { objectionsToProfile } from './profiled.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import { judgeReplays } from './replays.ts';
import { readingsInTables } from './losses.ts';
import { objectionsToReports } from './reported-losses.ts';
import { sentIn, type Sent } from './sent.ts';
import { objectionsToDryRun } from './tried.ts';
import type { World } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 86_400_000;
const INSTANTS_PER_SPACE = 6;
const DRY_RUNS = 3;
const REVISIONS_ASKED = 4;

export class Verdict {
  readonly objections: string[] = [];
  /** How many final answers were compared with the end. */
  finalAnswers = 0;
  readonly #world: World;
  readonly #process: SimProcess;
  readonly #sent: Sent;
  readonly #oracle: Oracle;
  readonly #readings: readonly OracleReading[];

  constructor(world: World, process: SimProcess) {
    this.#world = world;
    this.#process = process;
    const { streams, tables } = world.engines;
    this.#sent = sentIn(
      streams.readings.everything.filter(({ seq }) => !streams.readings.isDamaged(seq)),
      streams.topology,
    );
    const survivors = world.survivors ? [...world.survivors.readings, ...readingsInTables(tables)] : [];
    this.#readings = [...this.#sent.readings, ...survivors];
    this.#oracle = new Oracle(
      this.#readings,
      streams.topology.map(({ fact }) => fact),
    );
  }

  async reach(random: Random): Promise<string[]> {
    for (const { id } of this.#oracle.spaces) await this.#judgeSpace(id, random);
    await this.#judgePassages(random);
    await this.#judgeFinality();
    await this.#judgeFinalPassages();
    await this.#judgeKnown();
    this.#judgeEventsByTime();
    this.objections.push(...(await this.#world.answer(() => objectionsToCountsOfAll(this.#process, this.#oracle))));
    this.#judgeReadings();
    await this.#judgeAccount();
    this.#judgeTopology();
    await this.#judgeAudit();
    this.objections.push(...objectionsToReports(this.#world.engines, this.#oracle.readings));
    await this.#judgeDryRuns(random);
    await this.#judgeRevisions(random);
    return this.objections;
  }

  #expect(what: string, actual: unknown, expected: unknown): void {
    const [is, shouldBe] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== shouldBe) this.objections.push(`${what}: is ${is}, should be ${shouldBe}`);
  }

  /** Reports only the differing keys of two tables. */
  #expectSame<T>(what: string, actual: readonly [string, T][], expected: readonly [string, T][]): void {
    const [is, shouldBe] = [new Map(actual), new Map(expected)];
    for (const key of [...new Set([...is.keys(), ...shouldBe.keys()])].sort())
      this.#expect(`${what} ${key}`, is.get(key) ?? null, shouldBe.get(key) ?? null);
  }

  async #judgeSpace(spaceId: SpaceId, random: Random): Promise<void> {
    const { counts } = this.#process;
    const { nowMs } = this.#world;
    const live = await this.#world.answer(() => counts.now(spaceId, nowMs));
    this.#expect(`space ${spaceId} now`, pick(live), this.#expected(spaceId, nowMs));
    const events = this.#oracle.events(spaceId);
    const instants = Array.from(
      { length: INSTANTS_PER_SPACE },
      () => (events.length > 0 ? random.pick(events).timestampMs : nowMs) + random.pick([-1, 0, 0, 1, 3_600_000]),
    );
    for (const atMs of [...instants, nowMs - 86_400_000]) {
      const answer = await this.#world.answer(() => counts.at(spaceId, atMs));
      this.#expect(
        `space ${spaceId} at ${new Date(atMs).toISOString()}`,
        { ...pick(answer), final: answer.isFinal },
        { ...this.#expected(spaceId, atMs), final: atMs <= answer.watermarkMs && answer.watermarkMs >= 0 },
      );
    }
    const startMs = Math.max(0, Math.min(...instants) - random.int(0, MINUTE));
    // Limited, because decades would have a daily reset for each of their days.
    const lengthMs = Math.min(10 * DAY, Math.max(MINUTE, Math.ceil((nowMs - startMs) / random.int(1, 12))));
    const bounds = Array.from({ length: 8 }, (_, n) => startMs + n * lengthMs);
    await this.#judgeExplanations(spaceId, instants, startMs);
    await this.#judgeProfile(spaceId, startMs);
    const { intervals } = await this.#world.answer(() => counts.intervals(spaceId, bounds));
    for (const answer of intervals) {
      const { startMs: from, endMs: to, isFinal } = answer;
      this.#expect(`space ${spaceId}, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`, answer, {
        ...this.#oracle.interval(spaceId, from, to),
        isFinal,
      });
    }
  }

  async #judgeExplanations(spaceId: SpaceId, instants: readonly number[], startMs: number): Promise<void> {
    const { explanations } = this.#process;
    const oracle = this.#oracle.space(spaceId);
    for (const atMs of instants) {
      const found = await this.#world.answer(() => explanations.at(spaceId, atMs));
      this.objections.push(...objectionsToExplanation(found, oracle).map((text) => `space ${spaceId}: ${text}`));
    }
    const toMs = Math.max(startMs + 1, Math.min(startMs + 10 * DAY, Math.max(...instants)));
    const found = await this.#world.answer(() => explanations.between(spaceId, startMs, toMs));
    this.objections.push(...objectionsToExplanation(found, oracle).map((text) => `space ${spaceId}: ${text}`));
  }

  async #judgeProfile(spaceId: SpaceId, startMs: number): Promise<void> {
    const found = await this.#world.answer(() => this.#process.profiles.between(spaceId, startMs, startMs + 6 * HOUR));
    this.objections.push(
      ...objectionsToProfile(found, this.#oracle.space(spaceId)).map((text) => `space ${spaceId}: ${text}`),
    );
  }

  /** All doorways and DPUs. */
  #sources(): PassageSource[] {
    const view = this.#process.topology.history.latest();
    const doorways = view.doorways().flatMap(({ id, deleted }) => (deleted ? [] : [{ doorwayId: id }]));
    return [...doorways, ...view.dpus().flatMap(({ id, deleted }) => (deleted ? [] : [{ dpuId: id }]))];
  }

  /** T25: the entrances and exits of every doorway and every DPU, over all of their readings. */
  async #judgePassages(random: Random): Promise<void> {
    const { passages } = this.#process;
    const events = this.#oracle.allEvents();
    const times = events.map(({ timestampMs }) => timestampMs);
    const endMs = Math.max(this.#world.nowMs, ...times) + 1;
    const bounds = [...new Set([0, ...Array.from({ length: 3 }, () => random.pick([...times, endMs])), endMs])];
    bounds.sort((a, b) => a - b);
    for (const source of this.#sources()) {
      const { intervals } = await this.#world.answer(() => passages.of(source, () => bounds));
      this.objections.push(...objectionsToPassages(intervals, source, events));
    }
  }

  #expected(spaceId: SpaceId, atMs: number): object {
    return { ...this.#oracle.at(spaceId, atMs), lastReadingMs: this.#oracle.lastReadingAt(spaceId, atMs) };
  }

  /** T22: a dry run gives the counts of the set as it is, and those of the set as it would be. */
  async #judgeDryRuns(random: Random): Promise<void> {
    const { streams } = this.#world.engines;
    const { topology, dryRuns } = this.#process;
    const { nowMs } = this.#world;
    const instants = [nowMs, ...this.#oracle.readings.map(({ timestampMs }) => timestampMs)];
    const readingIds = this.#oracle.readings.map(({ readingId }) => readingId);
    for (let n = 0; n < DRY_RUNS; n++) {
      const change = drawChange(random, topology.history.latest(), instants, readingIds);
      try {
        const facts = change(topology.history.latest(), nowMs);
        const found = await this.#world.answer(() => dryRuns.of(() => facts));
        const logged = streams.topology.map(({ fact }) => fact);
        const supposed = new Oracle(this.#readings, [...logged, { kind: 'batch', doc: facts }]);
        const spaces = topology.history.latest().spaces();
        const spaceIds = [0, ...spaces.map(({ id }) => id)];
        const what = JSON.stringify(facts);
        this.objections.push(
          ...objectionsToDryRun(found, this.#oracle, supposed, nowMs, spaceIds).map((text) => `${text}, for ${what}`),
        );
      } catch (error) {
        if (!(error instanceof Failure) || error.kind === 'unavailable') throw error;
      }
    }
  }

  /** N1: a final answer is the same at the end, unless the log has later events for it, or a person reset the space. */
  async #judgeFinality(): Promise<void> {
    const { witness } = this.#world;
    const view = this.#process.topology.history.latest();
    for (const testimony of witness.testimonies.filter(({ answer }) => answer.isFinal)) {
      const { spaceId, atMs, answer, schedule } = testimony;
      const space = view.space(spaceId);
      if (!space || space.deleted) continue;
      const now = JSON.stringify({
        timeZone: space.timeZone,
        dailyReset: space.dailyReset,
        dailyResetCount: space.dailyResetCount ?? 0,
        manual: view.resets(spaceId),
      });
      if (now !== schedule || witness.hasLaterEvents(testimony)) continue;
      const again = await this.#world.answer(() => this.#process.counts.at(spaceId, atMs));
      this.#expect(
        `space ${spaceId} at ${new Date(atMs).toISOString()}, which was final at ${testimony.foldSeq} of the log`,
        { ...pick(again), final: again.isFinal },
        { ...pick(answer), final: true },
      );
      this.finalAnswers += 1;
    }
    for (const testimony of witness.intervals) {
      const { spaceId, atMs, answer, schedule } = testimony;
      const space = view.space(spaceId);
      if (!space || space.deleted) continue;
      const now = JSON.stringify({
        timeZone: space.timeZone,
        dailyReset: space.dailyReset,
        dailyResetCount: space.dailyResetCount ?? 0,
        manual: view.resets(spaceId),
      });
      if (now !== schedule || witness.hasLaterEvents(testimony)) continue;
      const { intervals } = await this.#world.answer(() =>
        this.#process.counts.intervals(spaceId, [answer.startMs, answer.endMs]),
      );
      this.#expect(
        `space ${spaceId} from ${new Date(answer.startMs).toISOString()} to ${new Date(atMs).toISOString()}, which was final at ${testimony.foldSeq} of the log`,
        intervals[0],
        answer,
      );
      this.finalAnswers += 1;
    }
  }

  /** N1 of the intervals of doorways and DPUs. A change of the topology is a later event where it moves anything. */
  async #judgeFinalPassages(): Promise<void> {
    const { witness } = this.#world;
    const { passages, topology } = this.#process;
    const view = topology.history.latest();
    for (const testimony of witness.passages) {
      const { source, interval, seq } = testimony;
      const doc = 'dpuId' in source ? view.dpu(source.dpuId) : view.doorway(source.doorwayId);
      if (!doc || doc.deleted || witness.hasLaterPassages(testimony)) continue;
      const bounds = [interval.startMs, interval.endMs];
      const { intervals } = await this.#world.answer(() => passages.of(source, () => bounds));
      const { entrances, exits } = interval;
      this.#expect(
        `${JSON.stringify(source)} up to ${interval.endMs}, which was final at ${seq} of the log`,
        intervals.map((again) => ({ entrances: again.entrances, exits: again.exits })),
        [{ entrances, exits }],
      );
      this.finalAnswers += 1;
    }
  }

  /** T24 T26: every answer of the run is given again, and a time is answered as its place. */
  async #judgeKnown(): Promise<void> {
    const { given, givenPassages, topologies, lists } = this.#world.witness;
    this.objections.push(...topologies.objections(this.#process, this.#world.engines));
    for (const one of given.all) {
      const objection = await this.#world.answer(() => given.again(this.#process, one));
      if (objection !== undefined) this.objections.push(objection);
    }
    for (const one of lists.all) {
      const objection = await this.#world.answer(() => lists.again(this.#process, one));
      if (objection !== undefined) this.objections.push(objection);
    }
    for (const one of givenPassages.all) {
      const objection = await this.#world.answer(() => givenPassages.again(this.#process, one));
      if (objection !== undefined) this.objections.push(objection);
    }
    await this.#judgeTimes();
  }

  async #judgeTimes(): Promise<void> {
    const { witness } = this.#world;
    const { timesMs } = witness.topologies;
    const some = new Set([0, 1, 2].map((third) => timesMs[Math.floor((third / 3) * timesMs.length)]));
    for (const atMs of some) {
      if (atMs === undefined) continue;
      for (const source of this.#sources()) {
        const ask = () => objectionsToPassagesByTime(this.#process, source, atMs, (seq) => witness.allEventsUpTo(seq));
        this.objections.push(...(await this.#world.answer(ask)));
      }
    }
    const times = new Map(witness.given.all.map(({ asOf }) => [asOf.spaceId, asOf.atMs]));
    for (const [spaceId, atMs] of times)
      this.objections.push(
        ...(await this.#world.answer(() => objectionsToTime(this.#process, spaceId, atMs))),
        ...(await this.#world.answer(() => objectionsToTimeOfLists(this.#process, atMs))),
      );
  }

  /** T27: since some of the answers of the run. */
  async #judgeRevisions(random: Random): Promise<void> {
    const { witness, engines } = this.#world;
    const { all } = witness.given;
    for (let n = 0; n < Math.min(REVISIONS_ASKED, all.length); n++) {
      const { asOf } = random.pick(all);
      if (this.#process.topology.history.latest().space(asOf.spaceId)?.deleted !== false) continue;
      const objections = await this.#world.answer(() =>
        objectionsToRevisions(this.#process, asOf, {
          commits: engines.streams.events.everything,
          eventsUpTo: (seq) => witness.eventsUpTo(asOf.spaceId, seq).events,
          partitions: engines.streams.partitions,
        }),
      );
      this.objections.push(...objections);
    }
  }

  #judgeEventsByTime(): void {
    const spaceIds = [0, ...this.#oracle.spaces.map(({ id }) => id)];
    const stored = new Map<string, { events: number; entrances: number; exits: number }>();
    for (const { spaceId, timestampMs, readingId, entrances, exits, sign } of this.#world.engines.tables.eventsByTime) {
      if (!spaceIds.includes(spaceId)) continue;
      const key = `${spaceId} ${timestampMs} ${readingId}`;
      const sums = stored.get(key) ?? { events: 0, entrances: 0, exits: 0 };
      stored.set(key, sums);
      sums.events += sign;
      sums.entrances += entrances * sign;
      sums.exits += exits * sign;
    }
    const expected = spaceIds.flatMap((spaceId) =>
      this.#oracle
        .events(spaceId)
        .map(
          ({
            timestampMs,
            readingId,
            entrances,
            exits,
          }): [string, { events: number; entrances: number; exits: number }] => [
            `${spaceId} ${timestampMs} ${readingId}`,
            { events: 1, entrances, exits },
          ],
        ),
    );
    this.#expectSame(
      'events in time order',
      [...stored].filter(([, { events, entrances, exits }]) => events !== 0 || entrances !== 0 || exits !== 0),
      expected,
    );
  }

  #judgeReadings(): void {
    this.objections.push(...judgeReplays(this.#world.engines.streams));
    const sums = new Map<string, number>();
    for (const row of this.#world.engines.tables.readings) {
      const key = `${row.readingId} ${row.timestampMs}`;
      sums.set(key, (sums.get(key) ?? 0) + row.sign);
    }
    const stored = [...sums].filter(([, sum]) => sum !== 0);
    const expected = this.#oracle.readings.map(({ readingId, timestampMs }): [string, number] => [
      `${readingId} ${timestampMs}`,
      1,
    ]);
    this.#expectSame('readings', stored, expected);
    const counted = new Set(this.#oracle.readings.map(({ readingId }) => readingId));
    for (const reading of this.#world.witness.accepted)
      this.#expect(`${identityOf(reading)}, accepted with 202, counts`, counted.has(identityOf(reading)), true);
  }

  /** Every topology fact that was in the copy when a log went back is in the topology at the end. */
  #judgeTopology(): void {
    const facts = new Set(this.#world.engines.streams.topology.map(({ fact }) => JSON.stringify(fact)));
    for (const fact of this.#world.survivors?.facts ?? [])
      if (!facts.has(fact)) this.objections.push(`a copied topology fact is lost: ${fact}`);
  }

  /** E5: each change once, by the person who gave the command, also if the log was restored. */
  async #judgeAudit(): Promise<void> {
    const { engines, witness, survivors } = this.#world;
    const { edits } = this.#process.topology.history;
    const isWhole = survivors === undefined;
    this.objections.push(...(await objectionsToAudit(edits, engines.streams.topology, witness.commands, isWhole)));
  }

  async #judgeAccount(): Promise<void> {
    const { accepted, applied, duplicate, held, excluded, deleted, deadLettered, deadLetters, evicted, remainder } =
      await this.#world.answer(() => this.#process.accounts.read());
    const { held: heldNow, excluded: excludedNow, deleted: deletedNow } = this.#oracle;
    const uncounted = { held: heldNow, excluded: excludedNow, deleted: deletedNow };
    const countedOf = (all: number): number => all - heldNow - excludedNow - deletedNow;
    if (this.#world.survivors) {
      // Readings that are routed again are accepted again, so only the counted ones must match.
      const all = this.#oracle.readings.length;
      this.#expect(
        'account after a loss',
        { applied, held, excluded, deleted, remainder },
        { applied: countedOf(all), ...uncounted, remainder: 0 },
      );
      return;
    }
    const dead = this.#sent.items - this.#sent.readings.length;
    const distinct = this.#oracle.readings.length;
    this.#expect(
      'account',
      { accepted, applied, duplicate, held, excluded, deleted, deadLettered, remainder },
      {
        accepted: this.#sent.items,
        applied: countedOf(distinct),
        duplicate: this.#sent.readings.length - distinct,
        ...uncounted,
        deadLettered: dead,
        remainder: 0,
      },
    );
    this.#expect(
      'account of history (A2)',
      findingsOf(await this.#world.answer(() => this.#process.comparisons.read())),
      [],
    );
    const { itemsStoredAgain } = this.#world.engines.streams;
    const kept =
      [...Object.values(deadLetters), ...Object.values(evicted)].reduce((sum, count) => sum + count, 0) -
      itemsStoredAgain;
    this.#expect('dead letters, kept and evicted', kept, dead);
  }
}

function pick({ count, net, drift, lastReadingMs }: CountAnswer): object {
  return { count, net, drift, lastReadingMs };
}
