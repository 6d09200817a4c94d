// An adapter converts the payload of a maker's device into readings. It is a pure function of the payload, its
// context and the device's options: no clock, no randomness, no waiting. So the same payload gives the same readings
// whenever it is read, and a payload that a device sends again gives duplicates.
import type { z } from 'zod';

/** One person passed. */
export interface PersonPassed {
  /** Milliseconds since 1970; null if the device does not report a time, and the reading counts at its arrival. */
  readonly timestampMs: number | null;
  readonly id?: string;
  readonly direction: 1 | -1;
}

/** The number of people who passed up to `timestampMs`, since `startMs` if the device reports it. */
export interface PeoplePassed {
  readonly timestampMs: number | null;
  readonly id?: string;
  readonly entrances: number;
  readonly exits: number;
  readonly startMs?: number;
  /**
   * A device may send an interval again with other numbers. Of the readings of one DPU with the same `startMs` and
   * `timestampMs` one counts (corrections.ts). A greater revision is more complete; absent means 0.
   */
  readonly revision?: number;
}

/** The value of a counter of the device. */
export interface CounterStanding {
  readonly timestampMs: number | null;
  readonly id?: string;
  readonly totalEntrances: number;
  readonly totalExits: number;
  /** A counter with another epoch has restarted from 0. */
  readonly counterEpoch?: string;
}

export interface AdaptedReading {
  /**
   * `<device>/<line>`, or `<device>` if the device has only one line. If the transport names another device than the
   * payload, the transport's device is a gateway: `<gateway>/<device>/<line>`.
   */
  readonly dpuId: string;
  readonly reading: PersonPassed | PeoplePassed | CounterStanding;
}

/** A part of a payload, and why it gives no reading. */
export interface Remark {
  readonly detail: string;
  /**
   * The path within the payload, such as `logics_data.logics[0].records[2].to`; absent if the remark is about the
   * whole payload.
   */
  readonly path?: string;
}

export interface AdaptedPayload {
  readonly readings: readonly AdaptedReading[];
  /** Items that should have been readings and cannot be read. */
  readonly rejected: readonly Remark[];
  /** Items that were understood and deliberately do not count, such as totals if intervals were chosen. */
  readonly skipped: readonly Remark[];
  /** Passed as `memory` with the next payload of the same device; only adapters that need it return one. */
  readonly memory?: string;
}

export interface PayloadContext {
  /** The device that the transport names (subject, topic, URL). If undefined, the payload has to name it. */
  readonly device?: string;
  readonly contentType?: string;
  /** The topic as published by the device, with slashes, if the payload came over MQTT. */
  readonly topic?: string;
  /** True for a retained message: the broker stored it earlier. */
  readonly retained?: boolean;
  readonly arrivalMs: number;
  /** The `memory` that the adapter returned for the previous payload of the same device. */
  readonly memory?: string;
}

export type Adapt = (payload: Uint8Array, context: PayloadContext) => AdaptedPayload;

/** An invalid option; `path` names it, such as `items` or `reversed[0]`. */
export interface OptionProblem {
  readonly path: string;
  readonly detail: string;
}

export type Configured =
  { readonly ok: true; readonly adapt: Adapt } | { readonly ok: false; readonly problems: readonly OptionProblem[] };

export interface Adapter {
  readonly name: string;
  /** The schema of the options, for documentation. */
  readonly options: z.ZodType;
  /** Checks a device's options. `adapt` never throws for any payload. */
  readonly configure: (options: unknown) => Configured;
}
