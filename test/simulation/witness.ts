// Asks while things go on, and holds every answer against the log itself: an answer is that of some
// moment of the log, whole, whatever was flushed, restarted or being corrected just then.
import type { CountAnswer, IntervalAnswer } from '../../src/counts/counts.ts';
import { Failure } from '../../src/domain/failure.ts';
import { decideTopology, type TopologyCommand } from '../../src/domain/topology-command.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedSection, SpaceConfig } from '../../src/domain/commit.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { compareEvents } from '../../src/domain/space-event.ts';
import { SpaceOracle, type OracleSchedule } from '../support/oracle.ts';
import { topologyOf } from './engines/memory-streams.ts';
import { auditAccount, auditTables } from './audit.ts';
import type { Engines, SimProcess } from './process.ts';

const HOUR = 3_600_000;
/** It takes many steps: not at every question. */
const AUDIT_EVERY = 3;

export interface Testimony<Answer = CountAnswer> {
  readonly spaceId: SpaceId;
  /** What happened later says nothing about it. */
  readonly atMs: number;
  readonly foldSeq: number;
  readonly answer: Answer;
  /** The resets it was answered with. */
  readonly schedule: string;
  /** How often the state had been computed again. */
  readonly life: number;
}

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
  /** What was answered 202. */
  readonly accepted: Reading[] = [];
  readonly testimonies: Testimony[] = [];
  /** Those that were final. */
  readonly intervals: Testimony<IntervalAnswer>[] = [];
  #life = 0;
  /** Once a log has gone back there is nothing to hold answers against, but the end. */
  #isBlind = false;

  readonly #answeredSeq = new Map<Partition, number>();
  /** Leases are kept: then a shard has one owner at a time, and its answers an order. */
  readonly #isOwned: boolean;

  constructor(engines: Engines, isOwned: boolean) {
    this.#engines = engines;
    this.#isOwned = isOwned;
  }

  /** W1 holds within the life of a state. What was final stays so (N1), and counts are what they were. */
  stateWasRebuilt(): void {
    this.#life += 1;
    this.#watermarks.clear();
  }

  logsWentBack(): void {
    this.#isBlind = true;
    this.testimonies.length = this.intervals.length = 0;
    // Which of them are left is for the verdict to say: it reads READINGS, and whatever else they survived in.
    this.accepted.length = 0;
  }

  /** E1: at this moment, the whole log refuses it too. */
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
    for (const question of ['at', 'now'] as const) {
      if (!process.foldOf(spaceId)) return;
      try {
        const schedule = scheduleOf(process, spaceId);
        let [foldSeq, isSettled, isNewestKnown, askedLogMs] = [0, false, false, Infinity];
        const counts = process.questions((report) => {
          [foldSeq, askedLogMs] = [report.seq, Math.min(askedLogMs, report.logMs)];
          [isSettled, isNewestKnown] = [report.isSettled, report.lastReadingMs !== null];
          this.#neverBack(spaceId, report.seq);
        });
        const answer = await (question === 'at' ? counts.at(spaceId, atMs) : counts.now(spaceId, nowMs));
        if (question === 'now' && answer.timestampMs < askedLogMs)
          this.objections.push(`space ${spaceId}: now was ${answer.timestampMs}, and the log stood at ${askedLogMs}`);
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
    const audited = atMs % AUDIT_EVERY === 0 ? await auditAccount(this.#engines, process).catch(() => []) : [];
    if (!this.#isBlind) this.objections.push(...audited);
  }

  #auditTables(process: SimProcess, spaceId: SpaceId): void {
    const fold = process.foldOf(spaceId);
    if (fold)
      this.objections.push(...auditTables(this.#engines, process, spaceId, this.#saidUpTo(spaceId, fold.seq).said));
  }

  async #askIntervals(process: SimProcess, spaceId: SpaceId, atMs: number): Promise<void> {
    const schedule = scheduleOf(process, spaceId);
    const startMs = Math.max(0, atMs - 3 * HOUR);
    const bounds = [startMs, startMs + HOUR, startMs + 3 * HOUR, startMs + 3 * HOUR + 300_000];
    if (!process.foldOf(spaceId)) return;
    try {
      let [foldSeq, watermarkMs] = [0, -1];
      const counts = process.questions((report) => {
        [foldSeq, watermarkMs] = [report.seq, report.watermarkMs];
        this.#neverBack(spaceId, report.seq);
      });
      const answers = await counts.intervals(spaceId, bounds);
      if (this.#isBlind) return;
      const oracle = new SpaceOracle(this.eventsUpTo(spaceId, foldSeq).events, schedule);
      for (const answer of answers) {
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

  /** Of every space at every question: it may be what somebody was told. */
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

  /** Whoever answers has folded at least what any answer before was given from. */
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
    // What a process knew of resets when it was asked is in its answer. Now, without history, it may be only what the
    // log has told the space, and not final.
    const folded: OracleSchedule = config
      ? { timeZone: config.timeZone, dailyReset: config.dailyReset, manual: config.resets }
      : { timeZone: 'UTC', dailyReset: null, manual: [] };
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

  /** What an entry asserts to the partition of a space. */
  #sectionFor(stored: StoredEntry, spaceId: SpaceId): LoggedSection | undefined {
    const partition = partitionOfSpace(spaceId, this.#engines.streams.partitions);
    const key = `${stored.seq} ${partition}`;
    if (!this.#sections.has(key)) this.#sections.set(key, decodeCommit(stored).section(partition));
    return this.#sections.get(key);
  }

  /** True when, after a moment of the log, it says something of what had happened up to an instant. */
  saysMoreOf({ spaceId, atMs, foldSeq }: Testimony<unknown>): boolean {
    return this.#engines.streams.events.everything.some(
      (stored) =>
        stored.seq > foldSeq &&
        this.#sectionFor(stored, spaceId)?.events.some(
          (event) => event.spaceId === spaceId && event.timestampMs <= atMs,
        ),
    );
  }

  /** What the log says of a space up to a sequence: its events with retractions applied, its configuration. */
  eventsUpTo(spaceId: SpaceId, seq: number): { events: LoggedEvent[]; config: SpaceConfig | undefined } {
    const events = new Map<string, { event: LoggedEvent; sum: number }>();
    const { said, config } = this.#saidUpTo(spaceId, seq);
    for (const event of said) {
      const key = `${event.readingId} ${event.timestampMs} ${event.entrances} ${event.exits}`;
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

  #saidUpTo(spaceId: SpaceId, seq: number): { said: LoggedEvent[]; config: SpaceConfig | undefined } {
    const said: LoggedEvent[] = [];
    let config: SpaceConfig | undefined;
    for (const stored of this.#engines.streams.events.everything) {
      if (stored.seq > seq) break;
      const section = this.#sectionFor(stored, spaceId);
      config = section?.configs.find((some) => some.spaceId === spaceId) ?? config;
      for (const event of section?.events ?? []) if (event.spaceId === spaceId) said.push(event);
    }
    return { said, config };
  }
}

/** As the process knows it just then. */
function scheduleOf(process: SimProcess, spaceId: SpaceId): OracleSchedule {
  const view = process.topology.history.latest();
  const space = view.space(spaceId);
  return { timeZone: space?.timeZone ?? 'UTC', dailyReset: space?.dailyReset ?? null, manual: view.resets(spaceId) };
}
