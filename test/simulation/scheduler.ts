// Decides what happens next. Every call of a process to the outside is an effect that is parked here. One effect at a
// time is picked at random, and may fail: refused, applied with its answer lost, or applied later. Nothing else runs
// between two effects, so a seed determines the whole run.
import { createHash, type Hash } from 'node:crypto';
import type { Random } from './random.ts';

/** The process that requested an effect. A crashed process gets no more answers. */
export interface Owner {
  readonly name: string;
  /** Of a process that knows which earlier one it succeeds. */
  readonly instanceId?: string | undefined;
  isDead: boolean;
  /** Not scheduled before this step: the process is suspended, and resumes as a zombie. */
  suspendedUntil: number;
}

export interface Effect<T> {
  readonly label: string;
  /** Applies it atomically. */
  readonly apply: () => T;
  /** Applies a first part of it, for writes that can stop in the middle. */
  readonly applyPart?: () => void;
  readonly isWrite?: boolean;
  /** The effect waits until this is true. */
  readonly isReady?: () => boolean;
  /** The error of a failure; an effect without it cannot fail. */
  readonly failure?: () => Error;
  /** How often it is picked relative to others; 1 by default. */
  readonly weight?: number;
  /** Called if the requesting process crashes. */
  readonly dropped?: () => void;
}

interface Parked {
  readonly owner: Owner;
  readonly effect: Effect<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Resolves when every process waits for an answer: nextTick runs after all settled promises. (A timer would work, too, at
 * the cost of one pass of the event loop per step.)
 */
const settle = async (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const TRACE_LINES = 500;

const NOBODY: Owner = { name: '-', isDead: false, suspendedUntil: 0 };

export class Scheduler {
  readonly #random: Random;
  readonly #trace: Hash = createHash('sha1');
  #lines: string[] = [];
  readonly #onTrace: ((line: string) => void) | undefined;
  #parked: Parked[] = [];
  /** The candidates of the current step. */
  readonly #ready: Parked[] = [];
  steps = 0;
  /** Chance of a failure of each effect that can fail. */
  failureRate = 0;

  constructor(random: Random, onTrace?: (line: string) => void) {
    this.#random = random;
    this.#onTrace = onTrace;
  }

  async request<T>(owner: Owner, effect: Effect<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!owner.isDead) this.#parked.push({ owner, effect, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** The requester no longer waits for it. */
  withdraw(effect: Effect<unknown>): void {
    this.#parked = this.#parked.filter((parked) => parked.effect !== effect);
  }

  note(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= TRACE_LINES) this.#hashLines();
    this.#onTrace?.(line);
  }

  #hashLines(): void {
    this.#trace.update(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }

  get traceHash(): string {
    this.#hashLines();
    return this.#trace.copy().digest('hex').slice(0, 16);
  }

  /** Performs one parked effect. @returns false if none is ready */
  async step(): Promise<boolean> {
    this.steps += 1;
    const ready = this.#ready;
    ready.length = 0;
    let weight = 0;
    for (const parked of this.#parked) {
      if (parked.owner.suspendedUntil > this.steps || parked.effect.isReady?.() === false) continue;
      ready.push(parked);
      weight += parked.effect.weight ?? 1;
    }
    const picked = this.#pick(ready, weight);
    if (!picked) return false;
    this.#parked.splice(this.#parked.indexOf(picked), 1);
    this.#perform(picked);
    await settle();
    return true;
  }

  /** Drops the effects of a process; some of its writes are applied anyway. */
  crash(owner: Owner): void {
    owner.isDead = true;
    const own = this.#parked.filter((parked) => parked.owner === owner);
    this.#parked = this.#parked.filter((parked) => parked.owner !== owner);
    for (const { effect } of own) {
      effect.dropped?.();
      if (!effect.isWrite || !this.#random.chance(0.5)) continue;
      if (effect.applyPart && this.#random.chance(0.5)) effect.applyPart();
      else effect.apply();
    }
  }

  /** Late effects are applied now. @param label the beginning of their labels */
  arrive(label = ''): void {
    const isDue = ({ owner, effect }: Parked): boolean => owner === NOBODY && effect.label.startsWith(label);
    const own = this.#parked.filter(isDue);
    this.#parked = this.#parked.filter((parked) => !isDue(parked));
    for (const { effect } of own) effect.apply();
  }

  #pick(ready: readonly Parked[], weight: number): Parked | undefined {
    if (ready.length === 0) return undefined;
    let at = this.#random.next() * weight;
    for (const parked of ready) {
      at -= parked.effect.weight ?? 1;
      if (at < 0) return parked;
    }
    return ready.at(-1);
  }

  #perform({ owner, effect, resolve, reject }: Parked): void {
    const fate = effect.failure && this.#random.chance(this.failureRate) ? this.#fateOf(effect) : 'done';
    this.note(`${owner.name} ${effect.label} ${fate}`);
    if (fate === 'done') {
      resolve(effect.apply());
      return;
    }
    if (fate === 'answer lost') effect.apply();
    if (fate === 'cut short') effect.applyPart?.();
    // Still on its way: it is applied after the requester has given up.
    if (fate === 'late')
      void this.request(NOBODY, { label: `${effect.label} (late)`, apply: effect.apply, weight: 0.2 });
    reject(effect.failure?.() ?? new Error(effect.label));
  }

  #fateOf(effect: Effect<unknown>): 'refused' | 'answer lost' | 'cut short' | 'late' {
    if (!effect.isWrite) return 'refused';
    return this.#random.weighted({ refused: 2, 'answer lost': 2, 'cut short': effect.applyPart ? 2 : 0, late: 1 });
  }
}
