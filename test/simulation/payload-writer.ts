// Draws what devices send in a format of their own, and how it is to be read.
import type { DpuId } from '../../src/domain/ids.ts';
import type { Random } from './random.ts';
import type { Action } from './scenario.ts';

/** Of every device. */
export const LINES = ['a', 'b'];

interface Payload {
  readonly dpuId: DpuId;
  readonly text: string;
  readonly isMapped?: true;
}

export class PayloadWriter {
  readonly #random: Random;
  readonly #devices: readonly DpuId[];
  readonly #sent: Payload[] = [];

  constructor(random: Random, devices: readonly DpuId[]) {
    this.#random = random;
    this.#devices = devices;
  }

  /** At times what was sent before. */
  next(someInstant: () => number): Action {
    const random = this.#random;
    if (this.#sent.length > 0 && random.chance(0.2)) return { kind: 'payload', ...random.pick(this.#sent) };
    const payload = random.chance(0.4) ? this.#mapped(someInstant) : this.#payload(someInstant);
    this.#sent.push(payload);
    return { kind: 'payload', ...payload };
  }

  nextDevice(): Action {
    const random = this.#random;
    const dpuId = random.pick(this.#devices);
    if (random.chance(0.2)) return { kind: 'forgetDevice', dpuId };
    const mapping = { isWide: random.chance(0.5), isTimed: random.chance(0.75) };
    return random.chance(0.6)
      ? { kind: 'device', dpuId, isReversed: random.chance(0.3), mapping }
      : { kind: 'device', dpuId, isReversed: random.chance(0.7) };
  }

  /** In a format that has to be described. Not every description knows the direction 2. */
  #mapped(someInstant: () => number): Payload {
    const random = this.#random;
    const crossing = (): object => ({
      line: random.pick(LINES),
      d: random.pick([1, 1, -1, 2]),
      at: new Date(someInstant()).toISOString(),
    });
    const text = JSON.stringify(Array.from({ length: random.int(1, 5) }, crossing));
    return { dpuId: random.pick(this.#devices), text, isMapped: true };
  }

  /** Crossings of a device and of its lines. */
  #payload(someInstant: () => number): Payload {
    const random = this.#random;
    const dpuId = random.pick(this.#devices);
    const crossing = (): object => ({
      doorway_id: dpuId,
      ...(random.chance(0.7) ? { space_id: random.pick(LINES) } : {}),
      direction: random.chance(0.04) ? 0 : random.chance(0.5) ? 1 : -1,
      timestamp: random.chance(0.04) ? 'noon' : new Date(someInstant()).toISOString(),
      ...(random.chance(0.2) ? { id: `n${random.int(1, 20)}` } : {}),
    });
    const crossings = Array.from({ length: random.chance(0.6) ? 1 : random.int(2, 12) }, crossing);
    const text = random.chance(0.03) ? '[{' : JSON.stringify(crossings.length === 1 ? crossings[0] : crossings);
    return { dpuId, text };
  }
}
