// An adapter turns what a device of some maker sends into readings in the forms that devices may send here. It is a pure function
// of the payload, its context and the device's options: no clock, no randomness, no waiting. So the same payload gives the same
// readings whenever it is read, and one that a device sends again is a duplicate.
import type { z } from 'zod';

/** One person passed. */
export interface PersonPassed {
  /** Milliseconds since 1970; null: the device did not say when, and the reading counts at its arrival. */
  readonly timestampMs: number | null;
  readonly id?: string;
  readonly direction: 1 | -1;
}

/** So many passed until `timestampMs`, since `startMs` where the device says so. */
export interface PeoplePassed {
  readonly timestampMs: number | null;
  readonly id?: string;
  readonly entrances: number;
  readonly exits: number;
  readonly startMs?: number;
  /**
   * A device may send an interval again with other numbers. Of the readings of one DPU with the same `startMs` and `timestampMs`
   * one counts: see corrections.ts. Greater is more complete; absent is 0.
   */
  readonly revision?: number;
}

/** Where a counter of the device stands. */
export interface CounterStanding {
  readonly timestampMs: number | null;
  readonly id?: string;
  readonly totalEntrances: number;
  readonly totalExits: number;
  /** A counter with another epoch began again from 0. */
  readonly counterEpoch?: string;
}

export interface AdaptedReading {
  /**
   * `<device>/<line>`, or `<device>` where the device counts at one line only. Where the transport names another device than
   * the payload does, the transport's is a gateway: `<gateway>/<device>/<line>`.
   */
  readonly dpuId: string;
  readonly reading: PersonPassed | PeoplePassed | CounterStanding;
}

/** A part of a payload, and why it gives no reading. */
export interface Remark {
  readonly detail: string;
  /** Where in the payload, such as `logics_data.logics[0].records[2].to`; absent when it is the whole. */
  readonly path?: string;
}

export interface AdaptedPayload {
  readonly readings: readonly AdaptedReading[];
  /** What should have been a reading and cannot be read. */
  readonly rejected: readonly Remark[];
  /** What was understood and deliberately does not count, such as totals where intervals were chosen. */
  readonly skipped: readonly Remark[];
  /** To be passed as `memory` with the next payload of the same device; only adapters that need it give one. */
  readonly memory?: string;
}

export interface PayloadContext {
  /** The device that the transport names (subject, topic, URL); undefined where it names none, and the payload has to. */
  readonly device?: string;
  readonly contentType?: string;
  /** The topic as the device published it, with slashes, where the payload came by MQTT. */
  readonly topic?: string;
  /** It was not published now: the broker had kept it. */
  readonly retained?: boolean;
  readonly arrivalMs: number;
  /** What the adapter gave as `memory` with the payload before this one of the same device. */
  readonly memory?: string;
}

export type Adapt = (payload: Uint8Array, context: PayloadContext) => AdaptedPayload;

/** What is wrong with an option; `path` names it, such as `items` or `reversed[0]`. */
export interface OptionProblem {
  readonly path: string;
  readonly detail: string;
}

export type Configured =
  { readonly ok: true; readonly adapt: Adapt } | { readonly ok: false; readonly problems: readonly OptionProblem[] };

export interface Adapter {
  readonly name: string;
  /** Of the options, for documents that describe them. */
  readonly options: z.ZodType;
  /** Checks a device's options. `adapt` never throws, whatever the payload. */
  readonly configure: (options: unknown) => Configured;
}
