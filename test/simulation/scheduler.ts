// Decides what happens next. Everything a process asks of the outside is an effect that is parked here;
// one at a time is picked by chance, and may fail: refused, done with its answer lost, done only later.
// Between two effects nothing else runs, so a seed determines the whole run.
import { createHash, type Hash } from 'node:crypto';
import { setImmediate as settle } from 'node:timers/promises';
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
}

interface Parked {
  readonly owner: Owner;
  readonly effect: Effect<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const NOBODY: Owner = { name: '-', isDead: false, suspendedUntil: 0 };

export class Scheduler {
  readonly #random: Random;
  readonly #trace: Hash = createHash('sha1');
  readonly #onTrace: ((line: string) => void) | undefined;
  #parked: Parked[] = [];
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

  note(line: string): void {
    this.#trace.update(line);
    this.#onTrace?.(line);
  }

  get traceHash(): string {
    return this.#trace.copy().digest('hex').slice(0, 16);
  }

  /** Lets one parked effect happen. @returns false when none can */
  async step(): Promise<boolean> {
    this.steps += 1;
    const ready = this.#parked.filter(({ owner, effect }) => owner.suspendedUntil <= this.steps && (effect.isReady?.() ?? true));
    const picked = this.#pick(ready);
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
      if (!effect.isWrite || !this.#random.chance(0.5)) continue;
      if (effect.applyPart && this.#random.chance(0.5)) effect.applyPart();
      else effect.apply();
    }
  }

  #pick(ready: readonly Parked[]): Parked | undefined {
    if (ready.length === 0) return undefined;
    let at = this.#random.next() * ready.reduce((sum, { effect }) => sum + (effect.weight ?? 1), 0);
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
    if (fate === 'late') void this.request(NOBODY, { label: `${effect.label} (late)`, apply: effect.apply, weight: 0.2 });
    reject(effect.failure?.() ?? new Error(effect.label));
  }

  #fateOf(effect: Effect<unknown>): 'refused' | 'answer lost' | 'cut short' | 'late' {
    if (!effect.isWrite) return 'refused';
    return this.#random.weighted({ refused: 2, 'answer lost': 2, 'cut short': effect.applyPart ? 2 : 0, late: 1 });
  }
}
