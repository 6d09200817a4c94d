// Draws the actions of a scenario one after the other, each at random from those that make sense at that point.
import type { DpuId } from '../../src/domain/ids.ts';
import { idsIn } from './deletions.ts';
import { drawSettings } from './draw-settings.ts';
import { LINES, PayloadWriter } from './payload-writer.ts';
import type { Random } from './random.ts';
import { MODULUS, ReportWriter } from './report-writer.ts';
import { RevisionWriter } from './revision-writer.ts';
import type { Action } from './scenario.ts';
import { AmendmentWriter } from './amendment-writer.ts';

/** Two days before Europe's clocks go forward in 2024. */
export const START_MS = Date.UTC(2024, 2, 29, 12);
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
/** Topics of readings, spelled in several ways, and topics that are not of readings. */
const LEVELS = ['reading', 'readings./', '/.Readings', 'status', 'readings.1', '/'];
const ZONES = ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Kolkata'];

interface Item {
  readonly timestamp: string;
  readonly direction: number;
  readonly id?: string;
}

export class ActionWriter {
  readonly actions: Action[] = [];
  readonly #random: Random;
  readonly #dpus: DpuId[];
  readonly #sent: { readonly dpuId: DpuId; readonly text: string }[] = [];
  readonly #payloads: PayloadWriter;
  readonly #named: { readonly dpuId: DpuId; readonly item: Item }[] = [];
  /** DPUs that report standings. */
  readonly #reportsTotals: ReadonlySet<DpuId>;
  readonly #reports: ReportWriter;
  /** DPUs that report an interval again with other numbers, and the intervals that they have reported. */
  readonly #revises: ReadonlySet<DpuId>;
  readonly #revisions: RevisionWriter;
  #spaces = 0;
  #doorways = 0;
  #nowMs = START_MS;
  readonly #amendments: AmendmentWriter;

  constructor(random: Random) {
    this.#random = random;
    this.#dpus = Array.from({ length: random.int(1, 5) }, (_, n) => `d${n + 1}` as DpuId);
    this.#payloads = new PayloadWriter(random, this.#dpus);
    this.#reportsTotals = new Set(this.#dpus.filter(() => random.chance(0.35)));
    this.#reports = new ReportWriter(random, this.#reportsTotals);
    this.#revisions = new RevisionWriter(random);
    this.#amendments = new AmendmentWriter(random, () => this.#someInstant());
    this.#revises = new Set(this.#dpus.filter((id) => !this.#reportsTotals.has(id) && random.chance(0.35)));
  }

  building(): void {
    const random = this.#random;
    this.actions.push({ kind: 'start' });
    for (let n = random.int(1, 4); n > 0; n--) this.#space();
    for (let n = random.int(1, 4); n > 0; n--) this.#doorway();
    for (const dpuId of this.#dpus)
      if (random.chance(0.8)) this.actions.push({ kind: 'dpu', dpuId, doorway: random.int(1, this.#doorways) });
  }

  next(isTopologyQuiet: boolean): void {
    const kind = this.#random.weighted({
      publish: 50,
      post: 4,
      heartbeat: 3,
      payload: 5,
      device: isTopologyQuiet ? 0 : 1.5,
      replay: 4,
      tick: 8,
      sleep: 12,
      topology: isTopologyQuiet ? 0 : 10,
      recount: isTopologyQuiet ? 0 : 1,
      ask: 12,
      process: 7,
      history: 2,
      settings: 0.3,
      logClock: 0.5,
      rebuild: 0.5,
    });
    switch (kind) {
      case 'publish':
        return this.#publish();
      case 'post':
        return this.#post();
      case 'heartbeat':
        return this.#push({
          kind,
          dpuId: this.#random.pick(this.#dpus),
          text: this.#random.chance(0.6)
            ? ''
            : JSON.stringify({ timestamp: new Date(this.#someInstant()).toISOString() }),
        });
      case 'payload':
        return this.#push(this.#payloads.next(() => this.#someInstant()));
      case 'device':
        return this.#push(this.#payloads.nextDevice());
      case 'replay':
        return this.#push({
          kind,
          shiftMs: this.#random.pick([0, 0, -10 * MINUTE, -HOUR, 30 * 365 * DAY]),
          dpuId: this.#random.chance(0.2) ? this.#random.pick(this.#dpus) : null,
        });
      case 'settings':
        return this.#push({ kind, settings: drawSettings(this.#random) });
      case 'logClock':
        return this.#push({ kind, behindMs: this.#random.pick([0, 200, 3 * SECOND]) });
      case 'tick':
      case 'rebuild':
        return this.#push({ kind });
      case 'sleep':
        return this.#sleep();
      case 'topology':
        return this.#topology();
      case 'recount':
        return this.#recount();
      case 'ask':
        return this.#push({
          kind,
          space: this.#someSpace(),
          atMs: this.#someInstant(),
          behindMs: this.#random.chance(0.15) ? 2 * HOUR : 0,
        });
      case 'process':
        return this.#process();
      case 'history':
        return this.#push({ kind, isAway: this.#random.chance(0.4) });
    }
  }

  #push(action: Action | undefined): void {
    if (action) this.actions.push(action);
  }

  #sleep(): void {
    const ms = this.#random.weighted({ short: 6, minute: 3, hour: 1, day: 0.5 });
    const length = {
      short: this.#random.int(1, 5 * SECOND),
      minute: this.#random.int(SECOND, 3 * MINUTE),
      hour: this.#random.int(MINUTE, HOUR),
      day: this.#random.int(HOUR, 2 * DAY),
    }[ms];
    this.#nowMs += length;
    this.#push({ kind: 'sleep', ms: length });
  }

  #publish(): void {
    const random = this.#random;
    if (this.#sent.length > 0 && random.chance(0.15))
      return this.#push({ kind: 'publish', ...random.pick(this.#sent) });
    const dpuId = random.pick(this.#dpus);
    const items = Array.from({ length: random.chance(0.6) ? 1 : random.int(2, 12) }, () => this.#item(dpuId));
    const text = random.chance(0.02)
      ? '[{"timestamp"'
      : random.chance(0.03)
        ? this.#poison()
        : items.length === 1 && random.chance(0.7)
          ? (items[0] ?? '[]')
          : `[${items.join(', ')}]`;
    this.#sent.push({ dpuId, text });
    const levels = random.chance(0.06) ? { levels: random.pick(LEVELS) } : {};
    this.#push({ kind: 'publish', dpuId, text, ...levels });
  }

  #post(): void {
    const random = this.#random;
    const aheadMs = random.pick([0, MINUTE, HOUR]);
    this.#push({
      kind: 'post',
      dpuId: random.pick(this.#dpus),
      aheadMs,
      isMadeUp: random.chance(0.3),
      timestampMs: Array.from({ length: random.int(1, 5) }, () =>
        random.chance(0.5) ? this.#nowMs + random.int(0, aheadMs) : this.#someInstant(),
      ),
    });
  }

  /** Only bad items, of one or several kinds. */
  #poison(): string {
    const random = this.#random;
    return JSON.stringify(
      Array.from({ length: random.int(2, 12) }, () =>
        random.pick([0, null, { direction: 1 }, { timestamp: 'noon', direction: 1 }]),
      ),
    );
  }

  #item(dpuId: DpuId): string {
    const random = this.#random;
    const direction = random.chance(0.5) ? 1 : -1;
    const timestamp = new Date(this.#someInstant()).toISOString();
    if (this.#revises.has(dpuId) && random.chance(0.6)) return this.#revisions.next(dpuId, timestamp);
    if (random.chance(this.#reportsTotals.has(dpuId) ? 0.7 : 0.1)) return this.#reports.next(dpuId, timestamp);
    const bad = random.chance(0.05)
      ? random.pick([
          { direction: 0 },
          { timestamp: 'noon' },
          { dpu_id: 'other' },
          { id: 'a b' },
          { timestamp: new Date(this.#nowMs + 10 * MINUTE).toISOString() },
        ])
      : {};
    const name = random.chance(0.15) ? { id: `n${random.int(1, 20)}` } : {};
    const before = this.#named.filter((some) => some.dpuId === dpuId);
    const item =
      before.length > 0 && random.chance(0.14)
        ? this.#almost(random.pick(before).item)
        : { timestamp, direction, ...name };
    if ('id' in item) this.#named.push({ dpuId, item });
    return JSON.stringify({ ...item, ...bad });
  }

  /** A copy of a named reading with one field changed, as from a sensor that reuses its ids after a reboot. */
  #almost(item: Item): Item {
    const random = this.#random;
    switch (random.pick(['timestamp', 'direction', 'id', 'nothing'] as const)) {
      case 'timestamp':
        return { ...item, timestamp: new Date(this.#someInstant()).toISOString() };
      case 'direction':
        return { ...item, direction: -item.direction };
      case 'id':
        return random.chance(0.5)
          ? { ...item, id: `n${random.int(1, 20)}` }
          : { timestamp: item.timestamp, direction: item.direction };
      case 'nothing':
        return item;
    }
  }

  /** Mostly now; also out of order, late by up to weeks, within the skew, at round times, at the earliest instant. */
  #someInstant(): number {
    const random = this.#random;
    const kind = random.weighted({ now: 10, jitter: 6, tie: 3, late: 3, veryLate: 1, future: 0.5, first: 0.2 });
    switch (kind) {
      case 'now':
        return this.#nowMs;
      case 'jitter':
        return this.#nowMs - random.int(0, 30 * SECOND);
      case 'tie':
        return Math.floor(this.#nowMs / MINUTE) * MINUTE;
      case 'late':
        return this.#nowMs - random.int(0, 4 * HOUR);
      case 'veryLate':
        return this.#nowMs - random.int(0, 40 * DAY);
      case 'future':
        return this.#nowMs + random.int(0, 2 * MINUTE);
      case 'first':
        return random.int(0, 1);
    }
  }

  #topology(): void {
    const random = this.#random;
    const device = random.pick(this.#dpus);
    const dpuId = random.chance(0.25) ? (`${device}/${random.pick(LINES)}` as DpuId) : device;
    const effective = random.chance(0.5) ? { effectiveMs: this.#someInstant() + (random.chance(0.35) ? HOUR : 0) } : {};
    const kind = random.weighted({
      move: 10,
      reset: 6,
      resetAgain: 2,
      changeReset: 2.5,
      deleteReset: 2.5,
      dpu: 3,
      deleteDpu: 1,
      modulus: 2,
      exclude: 4,
      include: 2,
      deleteReading: 4,
      deleteUnsent: 1.5,
      restoreReading: 2,
      changeDoorway: 3,
      deleteDoorway: 0.5,
      doorway: 1,
      space: 0.5,
      changeSpace: 2,
      deleteSpace: 0.4,
    });
    switch (kind) {
      case 'move':
        return this.#push({ kind, dpuId, doorway: random.chance(0.15) ? null : this.#someDoorway(), ...effective });
      case 'reset':
        return this.#reset(this.#someSpace(), this.#someInstant(), random.int(0, 3));
      case 'resetAgain':
        return this.#resetAgain();
      case 'changeReset':
      case 'deleteReset':
        return this.#changeReset(kind);
      case 'dpu':
        return this.#push({ kind, dpuId, doorway: this.#someDoorway(), ...effective });
      case 'modulus':
        return this.#push({ kind, dpuId, modulus: random.pick([null, MODULUS, MODULUS * 3]) });
      case 'exclude':
        return this.#push(this.#amendments.exclude(dpuId));
      case 'include':
        return this.#push(this.#amendments.include());
      case 'deleteReading':
        for (const action of this.#amendments.deleteReadings()) this.#push(action);
        return;
      case 'deleteUnsent':
        return this.#deleteUnsent(device);
      case 'restoreReading':
        return this.#push(this.#amendments.restoreReading());
      case 'deleteDpu':
        return this.#push({ kind, dpuId, ...effective });
      case 'changeDoorway':
        return this.#push({ kind, doorway: this.#someDoorway(), ...this.#sides() });
      case 'deleteDoorway':
        return this.#push({ kind, doorway: this.#someDoorway() });
      case 'doorway':
        return this.#doorway();
      case 'space':
        return this.#space();
      case 'changeSpace':
        return this.#push({
          kind,
          space: this.#someSpace(),
          dailyReset: random.pick([null, '04:00', '02:30', '12:10']),
          ...(random.chance(0.4) ? { dailyResetCount: random.int(0, 3) } : {}),
        });
      case 'deleteSpace':
        return this.#push({ kind, space: this.#someSpace() });
    }
  }

  #reset(space: number, timestampMs: number, count: number): void {
    this.#amendments.resetRecorded(space, timestampMs);
    this.#push({ kind: 'reset', space, timestampMs, count });
    // Before the space has received it from the log.
    if (this.#random.chance(0.3)) this.#push({ kind: 'ask', space, atMs: Math.max(timestampMs, this.#nowMs) });
  }

  #changeReset(kind: 'changeReset' | 'deleteReset'): void {
    const change = this.#amendments.changeReset(kind);
    this.#push(change);
    if (change && this.#random.chance(0.3)) this.#push({ kind: 'ask', space: change.space, atMs: this.#nowMs });
  }

  /** At an instant that already has a reset. */
  #resetAgain(): void {
    const reset = this.#amendments.someReset();
    if (reset) this.#reset(reset.space, reset.timestampMs, this.#random.int(0, 3));
  }

  /** The deletion comes before the reading, which may be sent at once, later or never. */
  #deleteUnsent(dpuId: DpuId): void {
    const text = this.#item(dpuId);
    const [which] = idsIn(dpuId, text, this.#nowMs);
    if (which === undefined) return;
    this.#push({ kind: 'deleteReading', which });
    this.#sent.push({ dpuId, text });
    if (this.#random.chance(0.6)) this.#push({ kind: 'publish', dpuId, text });
  }

  /** A count that a person corrects downwards, after late readings that may or may not have emptied the space. */
  #recount(): void {
    const random = this.#random;
    const [space, dpuId, direction, timestampMs] = [
      this.#someSpace(),
      random.pick(this.#dpus),
      random.pick([1, -1]),
      this.#nowMs,
    ];
    const count = random.int(2, 4);
    const readings = (n: number, fromMs: number, of: number): void =>
      this.#push({
        kind: 'publish',
        dpuId,
        text: JSON.stringify(
          Array.from({ length: n }, (_, at) => ({ timestamp: new Date(fromMs + at).toISOString(), direction: of })),
        ),
      });
    this.#reset(space, timestampMs, count);
    readings(random.int(2, 5), timestampMs + 1, direction);
    this.#nowMs += 15 * MINUTE;
    this.#push({ kind: 'sleep', ms: 15 * MINUTE });
    this.#push({ kind: 'tick' });
    readings(random.int(count, 6), timestampMs + 100, -direction);
    if (random.chance(0.5)) this.#push({ kind: random.chance(0.5) ? 'tick' : 'start' });
    this.#reset(space, timestampMs, count - 1);
    readings(random.int(1, 3), this.#nowMs, direction);
    this.#push({ kind: 'crash', process: random.int(0, 1) });
    this.#push({ kind: 'start' });
  }

  #process(): void {
    const random = this.#random;
    const kind = random.weighted({ start: 4, crash: 4, stop: 1, suspend: 2 });
    if (kind === 'start') this.#push({ kind });
    else if (kind === 'suspend') this.#push({ kind, process: random.int(0, 3), steps: random.int(10, 300) });
    else this.#push({ kind, process: random.int(0, 3) });
  }

  #space(): void {
    const random = this.#random;
    this.#spaces += 1;
    this.#push({
      kind: 'space',
      name: `space ${this.#spaces}`,
      timeZone: random.pick(ZONES),
      dailyReset: random.chance(0.3) ? random.pick(['04:00', '02:30']) : null,
    });
  }

  #doorway(): void {
    this.#doorways += 1;
    this.#push({ kind: 'doorway', name: `doorway ${this.#doorways}`, ...this.#sides() });
  }

  #sides(): { ingress: number | null; egress: number | null } {
    const [one, other] = [this.#someSpace(), this.#random.chance(0.5) ? null : this.#someSpace()];
    const sides = other === one ? [one, null] : [one, other];
    return this.#random.chance(0.5)
      ? { ingress: sides[0] ?? null, egress: sides[1] ?? null }
      : { ingress: sides[1] ?? null, egress: sides[0] ?? null };
  }

  #someSpace(): number {
    return this.#random.int(1, Math.max(1, this.#spaces));
  }

  #someDoorway(): number {
    return this.#random.int(1, Math.max(1, this.#doorways));
  }
}
