// Asks while things go on, and holds every answer against the log itself: an answer is that of some
// moment of the log, whole, whatever was flushed, restarted or being corrected just then.
import type { CountAnswer } from '../../src/counts/counts.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { decodeEntry, type LoggedEvent, type SpaceConfig, type StoredEntry } from '../../src/domain/log-entry.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { resetInForce, type ResetSchedule } from '../../src/domain/reset-schedule.ts';
import { compareEvents, type SpaceEvent } from '../../src/domain/space-event.ts';
import type { Engines, SimProcess } from './process.ts';

export interface Testimony {
  readonly spaceId: SpaceId;
  readonly atMs: number;
  readonly foldSeq: number;
  readonly answer: CountAnswer;
  /** The resets it was answered with. */
  readonly schedule: string;
}

export class Witness {
  readonly #engines: Engines;
  readonly #decoded = new Map<number, ReturnType<typeof decodeEntry>>();
  readonly objections: string[] = [];
  readonly #watermarks = new Map<SpaceId, { readonly seq: number; readonly watermarkMs: number }[]>();
  readonly testimonies: Testimony[] = [];

  constructor(engines: Engines) {
    this.#engines = engines;
  }

  async ask(process: SimProcess, spaceId: SpaceId, atMs: number, nowMs: number): Promise<void> {
    const space = process.topology.history.latest().space(spaceId);
    for (const { id } of process.topology.history.latest().spaces()) this.#watchWatermark(process, id);
    if (!space || !process.hostOf(spaceId)) return;
    const view = process.topology.history.latest();
    const schedule: ResetSchedule = { timeZone: space.timeZone, dailyReset: space.dailyReset, manual: view.resets(spaceId) };
    for (const question of ['at', 'now'] as const) {
      try {
        const asked = question === 'at' ? process.counts.at(spaceId, atMs) : process.counts.now(spaceId, nowMs);
        // The report is taken before the first wait.
        const foldSeq = process.reportedAtSeq;
        const isSettled = process.hostOf(spaceId)?.report(spaceId, atMs).isSettled ?? false;
        this.#hear(foldSeq, await asked, schedule, question === 'at' || isSettled);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    }
  }

  /** Of every space at every question: it may be what somebody was told. */
  #watchWatermark(process: SimProcess, spaceId: SpaceId): void {
    const fold = process.hostOf(spaceId)?.fold;
    const state = fold?.state(spaceId);
    if (!fold || !state) return;
    const [seq, watermarkMs] = [fold.seq, fold.watermarkOf(state)];
    let seen = this.#watermarks.get(spaceId);
    if (!seen) this.#watermarks.set(spaceId, seen = []);
    const higher = seen.find((other) => other.seq <= seq && other.watermarkMs > watermarkMs);
    if (higher) this.objections.push(`space ${spaceId}: the watermark was ${higher.watermarkMs} at ${higher.seq} of the log, and ${watermarkMs} at ${seq}`);
    seen.push({ seq, watermarkMs });
  }

  #hear(foldSeq: number, answer: CountAnswer, schedule: ResetSchedule, mustBeExact: boolean): void {
    const { spaceId, timestampMs: atMs } = answer;
    const { events, config } = this.eventsUpTo(spaceId, foldSeq);
    const folded: ResetSchedule = config ? { timeZone: config.timeZone, dailyReset: config.dailyReset, manual: config.resets } : { timeZone: 'UTC', dailyReset: null, manual: [] };
    const expected = [schedule, folded].map((some) => netAndCount(events, some, atMs));
    const isRight = expected.some(({ net, count }) => net === answer.net && count === answer.count);
    if (mustBeExact && !isRight) {
      this.objections.push(`space ${spaceId} at ${new Date(atMs).toISOString()}, log up to ${foldSeq}: answered ${answer.count} (net ${answer.net}), the log says ${expected.map(({ count, net }) => `${count} (net ${net})`).join(' or ')}`);
    }
    const before = this.testimonies.filter((other) => other.spaceId === spaceId && other.foldSeq <= foldSeq);
    const higher = before.find((other) => other.answer.watermarkMs > answer.watermarkMs);
    if (higher) this.objections.push(`space ${spaceId}: the watermark was ${higher.answer.watermarkMs} at ${higher.foldSeq} of the log, and ${answer.watermarkMs} at ${foldSeq}`);
    this.testimonies.push({ spaceId, atMs, foldSeq, answer, schedule: JSON.stringify(schedule) });
  }

  #decode(stored: StoredEntry): ReturnType<typeof decodeEntry> {
    let entry = this.#decoded.get(stored.seq);
    if (!entry) this.#decoded.set(stored.seq, entry = decodeEntry(stored));
    return entry;
  }

  /** True when, after a moment of the log, it says something of what had happened up to an instant. */
  saysMoreOf({ spaceId, atMs, foldSeq }: Testimony): boolean {
    const subject = `spaces.${partitionOfSpace(spaceId, this.#engines.streams.partitions)}`;
    return this.#engines.streams.events.everything.some((stored) => {
      if (stored.seq <= foldSeq || stored.subject !== subject) return false;
      const entry = this.#decode(stored);
      return entry.kind === 'space' && entry.events.some((event) => event.spaceId === spaceId && event.timestampMs <= atMs);
    });
  }

  /** What the log says of a space up to a sequence: its events with retractions applied, its configuration. */
  eventsUpTo(spaceId: SpaceId, seq: number): { events: LoggedEvent[]; config: SpaceConfig | undefined } {
    const { events: log, partitions } = this.#engines.streams;
    const subject = `spaces.${partitionOfSpace(spaceId, partitions)}`;
    const events = new Map<string, { event: LoggedEvent; sum: number }>();
    let config: SpaceConfig | undefined;
    for (const stored of log.everything) {
      if (stored.seq > seq || stored.subject !== subject) continue;
      const entry = this.#decode(stored);
      if (entry.kind !== 'space') continue;
      config = entry.configs.find((some) => some.spaceId === spaceId) ?? config;
      for (const event of entry.events) {
        if (event.spaceId !== spaceId) continue;
        const key = `${event.readingId} ${event.timestampMs} ${event.delta}`;
        const found = events.get(key);
        if (found) found.sum += event.sign;
        else events.set(key, { event, sum: event.sign });
      }
    }
    for (const [key, { sum }] of events) if (sum !== 0 && sum !== 1) this.objections.push(`space ${spaceId}: ${key} is in the log ${sum} times`);
    return { config, events: [...events.values()].filter(({ sum }) => sum > 0).map(({ event }) => event).sort(compareEvents) };
  }
}

function netAndCount(events: readonly SpaceEvent[], schedule: ResetSchedule, atMs: number): { net: number; count: number } {
  const reset = resetInForce(schedule, atMs);
  let [net, lowest] = [reset.count, reset.count];
  for (const { timestampMs, delta } of events) {
    if (timestampMs <= reset.timestampMs || timestampMs > atMs) continue;
    net += delta;
    lowest = Math.min(lowest, net);
  }
  return { net, count: net - Math.min(0, lowest) };
}
