// Decides what happens next. Everything a process asks of the outside is an effect that is parked here;
// one at a time is picked by chance, and may fail: refused, done with its answer lost, done only later.
// Between two effects nothing else runs, so a seed determines the whole run.
import { createHash, type Hash } from 'node:crypto';
import type { Random } from './random.ts';

/** Who asks. A process that crashed gets no more answers. */
export interface Owner {
  readonly name: string;
  isDead: boolean;
  /** Not scheduled before this step: a process that is suspended, and resumes as a zombie. */
  suspendedUntil: number;
}

export interface Effect<T> {
  readonly label: string;
  /** Does it, at one moment. */
  readonly apply: () => T;
  /** Present where the effect changes something, and may stop in the middle: does a first part of it. */
  readonly applyPart?: () => void;
  readonly isWrite?: boolean;
  /** Waits until this holds. */
  readonly isReady?: () => boolean;
  /** What a failure looks like; without it the effect cannot fail. */
  readonly failure?: () => Error;
  /** How often it is picked beside others; 1 unless told. */
  readonly weight?: number;
  /** Whoever asked is no more. */
  readonly dropped?: () => void;
}

interface Parked {
  readonly owner: Owner;
  readonly effect: Effect<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Resolves when nobody can go on without an answer: a tick runs once all promises that are due have had
 * their say. (A timer would do, at the cost of a turn of the event loop for every step.)
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
  /** Of the step that is taken now. */
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

  /** Whoever asked does not wait for it any more. */
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

  /** Lets one parked effect happen. @returns false when none can */
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

  /** Drops what a process has asked for; some of it happens all the same. */
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

  /** What is still on its way arrives now. @param label how the effects begin that do */
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
    // On its way still: it arrives when the asker has given up.
    if (fate === 'late')
      void this.request(NOBODY, { label: `${effect.label} (late)`, apply: effect.apply, weight: 0.2 });
    reject(effect.failure?.() ?? new Error(effect.label));
  }

  #fateOf(effect: Effect<unknown>): 'refused' | 'answer lost' | 'cut short' | 'late' {
    if (!effect.isWrite) return 'refused';
    return this.#random.weighted({ refused: 2, 'answer lost': 2, 'cut short': effect.applyPart ? 2 : 0, late: 1 });
  }
}
