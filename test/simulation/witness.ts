// Asks questions during a run and compares every answer with the log: an answer must be exactly that of one sequence of
// the log, whatever is being flushed, restarted or corrected at that moment.
import type { CountAnswer, IntervalAnswer } from '../../src/counts/count-at.ts';
import type { Explanation, Explanations, IntervalExplanation } from '../../src/counts/explanations.ts';
import type { CountedPlace } from '../../src/counts/space-events.ts';
import { Failure } from '../../src/domain/failure.ts';
import { decideTopology, type TopologyCommand } from '../../src/domain/topology-command.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedSection, SpaceConfig } from '../../src/domain/commit.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { compareEvents } from '../../src/domain/space-event.ts';
import type { GivenCommand } from './audited.ts';
import type { Author } from '../../src/domain/topology.ts';
import { objectionsToExplanation, setterOf } from './explained.ts';
import { objectionsToPassages } from './passed.ts';
import { objectionsToProfile } from './profiled.ts';
import type { PassageTestimony, Testimony } from './testimony.ts';
import { SpaceOracle, type OracleSchedule } from '../support/oracle.ts';
import { topologyOf } from './engines/memory-streams.ts';
import { askedIntervals } from './asked-intervals.ts';
import { auditAccount, auditTables } from './audit.ts';
import { GivenAnswers } from './given.ts';
import { GivenCursors } from './given-cursors.ts';
import { GivenLists } from './given-lists.ts';
import { GivenPassages, seqOf, sourcesAt } from './given-passages.ts';
import { GivenTopologies } from './given-topologies.ts';
import { listed, objectionsToList } from './listed.ts';
import { scheduleOf } from './known-schedule.ts';
import type { Engines, SimProcess } from './process.ts';

const HOUR = 3_600_000;
/** Not at every question, because an audit takes many steps, and so does asking again. */
const AUDIT_EVERY = 3;

/** Without history, the live answer may be an estimate. */
interface Certainty {
  readonly isExact: boolean;
  readonly isNewestKnown: boolean;
  readonly knowsResets: boolean;
}

export class Witness {
  readonly #engines: Engines;
  readonly #sections = new Map<string, LoggedSection | undefined>();
  readonly objections: string[] = [];
  readonly #watermarks = new Map<SpaceId, { readonly seq: number; readonly watermarkMs: number }[]>();
  /** The readings accepted with 202. */
  readonly accepted: Reading[] = [];
  /** By the person who gave it. */
  readonly commands = new Map<Author, GivenCommand>();
  readonly testimonies: Testimony[] = [];
  /** To be given again. */
  readonly given = new GivenAnswers();
  readonly topologies = new GivenTopologies();
  readonly lists = new GivenLists();
  readonly givenPassages = new GivenPassages();
  readonly cursors = new GivenCursors();
  /** Only final answers. */
  readonly intervals: Testimony<IntervalAnswer>[] = [];
  /** Only final intervals. */
  readonly passages: PassageTestimony[] = [];
  #life = 0;
  /** True once a log has gone back: answers can then be compared only with the end. */
  #isBlind = false;

  readonly #answeredSeq = new Map<Partition, number>();
  /** True if leases are kept, so that a shard has one owner at a time, and its answers never go back. */
  readonly #isOwned: boolean;

  constructor(engines: Engines, isOwned: boolean) {
    this.#engines = engines;
    this.#isOwned = isOwned;
  }

  /** W1 holds only until the next rebuild. Final answers stay final (N1), and counts stay the same. */
  stateWasRebuilt(): void {
    this.#life += 1;
    this.#watermarks.clear();
  }

  logsWentBack(): void {
    this.#isBlind = true;
    this.testimonies.length = this.intervals.length = this.passages.length = 0;
    this.given.clear();
    this.topologies.clear();
    this.lists.clear();
    this.givenPassages.clear();
    this.cursors.clear();
    // The verdict knows which of them are left: it reads READINGS and everything else they can survive in.
    this.accepted.length = 0;
  }

  /** Each command is given by a person of its own. */
  commanded(kinds: GivenCommand['kinds']): [Author, GivenCommand] {
    const by = `token:person ${this.commands.size + 1}` as const;
    const command: GivenCommand = { kinds, recorded: [] };
    this.commands.set(by, command);
    return [by, command];
  }

  /** E1: the whole log, as of now, refuses it too. */
  refused(command: TopologyCommand, refusal: Failure): void {
    if (this.#isBlind) return;
    try {
      decideTopology(topologyOf(this.#engines.streams).latest(), command, this.#engines.now());
    } catch {
      return;
    }
    this.objections.push(`${JSON.stringify(command)} was refused, which the log allows: ${refusal.message}`);
  }

  async ask(process: SimProcess, spaceId: SpaceId, atMs: number, nowMs: number): Promise<void> {
    if (this.#isBlind) return;
    const space = process.topology.history.latest().space(spaceId);
    for (const { id } of process.topology.history.latest().spaces()) this.#watchWatermark(process, id);
    if (!space || !process.foldOf(spaceId)) return;
    this.#auditTables(process, spaceId);
    this.topologies.ask(process, this.#engines.now());
    for (const question of ['at', 'now'] as const) {
      if (!process.foldOf(spaceId)) return;
      try {
        const schedule = scheduleOf(process, spaceId);
        let [foldSeq, isSettled, isNewestKnown, askedLogMs] = [0, false, false, Infinity];
        const { counts } = process.questions((report) => {
          [foldSeq, askedLogMs] = [report.seq, Math.min(askedLogMs, report.logMs)];
          [isSettled, isNewestKnown] = [report.isSettled, report.lastReadingMs !== null];
          this.#neverBack(spaceId, report.seq);
        });
        const answer = await (question === 'at' ? counts.at(spaceId, atMs) : counts.now(spaceId, nowMs));
        if (question === 'now' && answer.timestampMs < askedLogMs)
          this.objections.push(`space ${spaceId}: now was ${answer.timestampMs}, and the log stood at ${askedLogMs}`);
        if (!this.#isBlind) this.given.wasGiven(answer, (known, asOf) => known.counts.at(spaceId, asOf.atMs));
        this.#hear(foldSeq, answer, schedule, {
          isExact: question === 'at' || isSettled,
          isNewestKnown: question === 'at' || isNewestKnown,
          knowsResets: question === 'at',
        });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    }
    await this.#askIntervals(process, spaceId, atMs);
    await this.#askAgain(process, atMs);
    await this.#askExplanations(process, spaceId, atMs);
    await this.#askProfile(process, spaceId, atMs);
    await this.#askPassages(process, spaceId, atMs);
    await this.#askEvents(process, spaceId, atMs);
    await this.lists.ask(process, atMs, this.#engines.now());
    const audited = atMs % AUDIT_EVERY === 0 ? await auditAccount(this.#engines, process).catch(() => []) : [];
    if (this.#isBlind) this.lists.clear();
    else this.objections.push(...audited, ...this.lists.objections.splice(0));
  }

  #auditTables(process: SimProcess, spaceId: SpaceId): void {
    const fold = process.foldOf(spaceId);
    if (fold)
      this.objections.push(...auditTables(this.#engines, process, spaceId, this.#loggedUpTo(spaceId, fold.seq).logged));
  }

  async #askIntervals(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<void> {
    const schedule = scheduleOf(process, spaceId);
    const startMs = Math.max(0, atMs - 3 * HOUR);
    const bounds = [startMs, startMs + HOUR, startMs + 3 * HOUR, startMs + 3 * HOUR + 300_000];
    if (!process.foldOf(spaceId)) return;
    try {
      let [foldSeq, watermarkMs] = [0, -1];
      const { counts, intervalsOfSpaces } = process.questions((report) => {
        if (report.spaceId === spaceId) [foldSeq, watermarkMs] = [report.seq, report.watermarkMs];
        this.#neverBack(report.spaceId, report.seq);
      });
      const answers = await askedIntervals(process, { counts, intervalsOfSpaces }, { spaceId, bounds, atMs });
      if (this.#isBlind) return;
      this.given.wasGiven(answers, (known) => known.counts.intervals(spaceId, bounds));
      const oracle = new SpaceOracle(this.eventsUpTo(spaceId, foldSeq).events, schedule);
      for (const answer of answers.intervals) {
        const expected = { ...oracle.interval(answer.startMs, answer.endMs), isFinal: answer.endMs - 1 <= watermarkMs };
        const [is, shouldBe] = [JSON.stringify(answer), JSON.stringify(expected)];
        if (is !== shouldBe)
          this.objections.push(
            `space ${spaceId}, log up to ${foldSeq}: the interval is ${is}, the log says ${shouldBe}`,
          );
        if (answer.isFinal)
          this.intervals.push({
            spaceId,
            atMs: answer.endMs - 1,
            foldSeq,
            answer,
            schedule: JSON.stringify(schedule),
            life: this.#life,
          });
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** Some of the answers given so far, whatever is in progress now. */
  async #askAgain(process: SimProcess, atMs: number): Promise<void> {
    if (atMs % AUDIT_EVERY !== 1) return;
    const pick = <T>(all: readonly T[]): T | undefined => all[atMs % Math.max(1, all.length)];
    const [one, passed] = [pick(this.given.all), pick(this.givenPassages.all)];
    const cursor = pick(this.cursors.ofProcess(process));
    try {
      const again = [
        one && (await this.given.again(process, one)),
        passed && (await this.givenPassages.again(process, passed)),
        cursor && (await this.cursors.follow(process, cursor)),
      ];
      if (!this.#isBlind) this.objections.push(...again.filter((objection) => objection !== undefined));
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
    }
  }

  /** T19: every term is that of the events in the log, and of the resets that the process knew. */
  async #askExplanations(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<void> {
    const fromMs = Math.max(0, atMs - 2 * HOUR);
    for (const question of ['instant', 'interval'] as const) {
      if (!process.foldOf(spaceId)) return;
      try {
        const schedule = scheduleOf(process, spaceId);
        const manual = schedule.manual.map((reset) => ({ ...reset, ...setterOf(this.#engines, process, reset) }));
        let foldSeq = 0;
        const { explanations } = process.questions((report) => {
          foldSeq = report.seq;
          this.#neverBack(spaceId, report.seq);
        });
        const ask = (some: Explanations): Promise<Explanation | IntervalExplanation> =>
          question === 'instant' ? some.at(spaceId, atMs) : some.between(spaceId, fromMs, atMs + 1);
        const answer = await ask(explanations);
        if (this.#isBlind) return;
        this.given.wasGiven(answer, (known) => ask(known.explanations));
        const oracle = new SpaceOracle(this.eventsUpTo(spaceId, foldSeq).events, { ...schedule, manual });
        for (const objection of objectionsToExplanation(answer, oracle))
          this.objections.push(`space ${spaceId}, log up to ${foldSeq}: ${objection}`);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    }
  }

  /** T23: the profile of the hours before an instant, by the log and the resets that the process knew. */
  async #askProfile(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<void> {
    const startMs = Math.max(0, atMs - 2 * HOUR);
    if (!process.foldOf(spaceId)) return;
    try {
      const schedule = scheduleOf(process, spaceId);
      let foldSeq = 0;
      const { profiles } = process.questions((report) => {
        foldSeq = report.seq;
        this.#neverBack(spaceId, report.seq);
      });
      const found = await profiles.between(spaceId, startMs, atMs + 1);
      if (this.#isBlind) return;
      this.given.wasGiven(found, (known) => known.profiles.between(spaceId, startMs, atMs + 1));
      const oracle = new SpaceOracle(this.eventsUpTo(spaceId, foldSeq).events, schedule);
      for (const objection of objectionsToProfile(found, oracle))
        this.objections.push(`space ${spaceId}, log up to ${foldSeq}: ${objection}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** T26: the count after each event of the hours before an instant, as one list of one sequence of the log. */
  async #askEvents(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<void> {
    const range = { fromMs: Math.max(0, atMs - 2 * HOUR), toMs: atMs };
    if (!process.foldOf(spaceId)) return;
    try {
      const schedule = scheduleOf(process, spaceId);
      let foldSeq = 0;
      const { eventCounts } = process.questions((report) => {
        foldSeq = report.seq;
        this.#neverBack(spaceId, report.seq);
      });
      const places: CountedPlace[] = [];
      const answer = await listed(await eventCounts.ofSpace(spaceId, range.toMs), range, places);
      if (this.#isBlind) return;
      this.cursors.wereGiven(spaceId, range.fromMs, places);
      this.given.wasGiven(answer, (known) => listed(known.events(), range));
      const oracle = new SpaceOracle(this.eventsUpTo(spaceId, foldSeq).events, schedule);
      for (const objection of objectionsToList(answer, range, oracle))
        this.objections.push(`space ${spaceId}, log up to ${foldSeq}: ${objection}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** T25: the entrances and exits of a doorway of the space and of a DPU above it, by the log of all spaces up to one sequence. */
  async #askPassages(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<void> {
    const bounds = [0, Math.max(1, atMs - HOUR), atMs + 1, atMs + HOUR];
    const { passages } = process.questions((report) => this.#neverBack(report.spaceId, report.seq));
    for (const source of sourcesAt(process.topology.history.latest(), spaceId, atMs)) {
      try {
        const answer = await passages.of(source, () => bounds);
        if (this.#isBlind) return;
        this.givenPassages.wereGiven(source, bounds, answer);
        const { intervals } = answer;
        const seq = seqOf(answer);
        for (const objection of objectionsToPassages(intervals, source, this.allEventsUpTo(seq)))
          this.objections.push(`log up to ${seq}: ${objection}`);
        for (const interval of intervals.filter(({ isFinal }) => isFinal))
          this.passages.push({ source, interval, seq });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    }
  }

  /** The events of all spaces. */
  allEventsUpTo(seq: number): LoggedEvent[] {
    const spaces = topologyOf(this.#engines.streams).latest().spaces();
    return spaces.flatMap(({ id }) => this.eventsUpTo(id, seq).events);
  }

  /** Checked for every space at every question, because a client may have seen it. */
  #watchWatermark(process: SimProcess, spaceId: SpaceId): void {
    const fold = process.foldOf(spaceId);
    const state = fold?.state(spaceId);
    if (!fold || !state) return;
    const [seq, watermarkMs] = [fold.seq, fold.watermarkOf(spaceId)];
    let seen = this.#watermarks.get(spaceId);
    if (!seen) this.#watermarks.set(spaceId, (seen = []));
    const higher = seen.find((other) => other.seq <= seq && other.watermarkMs > watermarkMs);
    if (higher)
      this.objections.push(
        `space ${spaceId}: the watermark was ${higher.watermarkMs} at ${higher.seq} of the log, and ${watermarkMs} at ${seq}`,
      );
    seen.push({ seq, watermarkMs });
  }

  /** A fold that answers has folded at least as much as any earlier answer was based on. */
  #neverBack(spaceId: SpaceId, foldSeq: number): void {
    if (!this.#isOwned || this.#isBlind) return;
    const partition = partitionOfSpace(spaceId, this.#engines.streams.partitions);
    const answeredSeq = this.#answeredSeq.get(partition) ?? 0;
    if (foldSeq < answeredSeq)
      this.objections.push(
        `space ${spaceId}: answered from ${foldSeq} of the log, after an answer from ${answeredSeq}`,
      );
    this.#answeredSeq.set(partition, Math.max(answeredSeq, foldSeq));
  }

  #hear(
    foldSeq: number,
    answer: CountAnswer,
    schedule: OracleSchedule,
    { isExact, isNewestKnown, knowsResets }: Certainty,
  ): void {
    if (this.#isBlind) return;
    const { spaceId, timestampMs: atMs } = answer;
    const { events, config } = this.eventsUpTo(spaceId, foldSeq);
    // An answer contains the resets that the process knew when it was asked. The count of now, without history, may
    // contain only the resets that the space has received from the log, and is then not final.
    const folded: OracleSchedule = config
      ? { ...config, manual: config.resets }
      : { timeZone: 'UTC', dailyReset: null, dailyResetCount: 0, manual: [] };
    const expected = (answer.isFinal || knowsResets ? [schedule] : [schedule, folded]).map((some) =>
      new SpaceOracle(events, some).at(atMs),
    );
    const isRight = expected.some(({ net, count }) => net === answer.net && count === answer.count);
    if (isExact && !isRight) {
      this.objections.push(
        `space ${spaceId} at ${new Date(atMs).toISOString()}, log up to ${foldSeq}: answered ${answer.count} (net ${answer.net}), the log says ${expected.map(({ count, net }) => `${count} (net ${net})`).join(' or ')}`,
      );
    }
    const lastReadingMs = new SpaceOracle(events, schedule).lastReadingAt(atMs);
    if (isNewestKnown && answer.lastReadingMs !== lastReadingMs) {
      this.objections.push(
        `space ${spaceId} at ${atMs}, log up to ${foldSeq}: the newest reading is of ${answer.lastReadingMs}, the log says ${lastReadingMs}`,
      );
    }
    const before = this.testimonies.filter(
      (other) => other.spaceId === spaceId && other.foldSeq <= foldSeq && other.life === this.#life,
    );
    const higher = before.find((other) => other.answer.watermarkMs > answer.watermarkMs);
    if (higher)
      this.objections.push(
        `space ${spaceId}: the watermark was ${higher.answer.watermarkMs} at ${higher.foldSeq} of the log, and ${answer.watermarkMs} at ${foldSeq}`,
      );
    this.testimonies.push({ spaceId, atMs, foldSeq, answer, schedule: JSON.stringify(schedule), life: this.#life });
  }

  /** The section of an entry for the partition of a space. */
  #sectionFor(stored: StoredEntry, spaceId: SpaceId): LoggedSection | undefined {
    const partition = partitionOfSpace(spaceId, this.#engines.streams.partitions);
    const key = `${stored.seq} ${partition}`;
    if (!this.#sections.has(key)) this.#sections.set(key, decodeCommit(stored).section(partition));
    return this.#sections.get(key);
  }

  /** True if the log has later entries with events up to the answer's instant. */
  hasLaterEvents({ spaceId, atMs, foldSeq }: Testimony<unknown>): boolean {
    return this.#engines.streams.events.everything.some(
      (stored) =>
        stored.seq > foldSeq &&
        this.#sectionFor(stored, spaceId)?.events.some(
          (event) => event.spaceId === spaceId && event.timestampMs <= atMs,
        ),
    );
  }

  /** The same for the events of a doorway or a DPU, in any space. */
  hasLaterPassages({ source, interval, seq }: PassageTestimony): boolean {
    return this.#engines.streams.events.everything.some(
      (stored) =>
        stored.seq > seq &&
        [...Array(this.#engines.streams.partitions).keys()].some((partition) =>
          decodeCommit(stored)
            .section(partition as Partition)
            ?.events.some(
              (event) =>
                event.timestampMs < interval.endMs &&
                ('dpuId' in source ? event.dpuId === source.dpuId : event.doorwayId === source.doorwayId),
            ),
        ),
    );
  }

  /** The events of a space in the log up to a sequence, with retractions applied, and its configuration. */
  eventsUpTo(spaceId: SpaceId, seq: number): { events: LoggedEvent[]; config: SpaceConfig | undefined } {
    const events = new Map<string, { event: LoggedEvent; sum: number }>();
    const { logged, config } = this.#loggedUpTo(spaceId, seq);
    for (const event of logged) {
      const key = `${event.readingId} ${event.timestampMs} ${event.doorwayId} ${event.entrances} ${event.exits}`;
      const found = events.get(key);
      if (found) found.sum += event.sign;
      else events.set(key, { event, sum: event.sign });
    }
    for (const [key, { sum }] of events)
      if (sum !== 0 && sum !== 1) this.objections.push(`space ${spaceId}: ${key} is in the log ${sum} times`);
    return {
      config,
      events: [...events.values()]
        .filter(({ sum }) => sum > 0)
        .map(({ event }) => event)
        .sort(compareEvents),
    };
  }

  #loggedUpTo(spaceId: SpaceId, seq: number): { logged: LoggedEvent[]; config: SpaceConfig | undefined } {
    const logged: LoggedEvent[] = [];
    let config: SpaceConfig | undefined;
    for (const stored of this.#engines.streams.events.everything) {
      if (stored.seq > seq) break;
      const section = this.#sectionFor(stored, spaceId);
      config = section?.configs.find((some) => some.spaceId === spaceId) ?? config;
      for (const event of section?.events ?? []) if (event.spaceId === spaceId) logged.push(event);
    }
    return { logged, config };
  }
}
