// The measure of a reading: that a person passed, how many people passed in an interval, or the values of a device's
// counters.
//
// A measure is kept as text, in one canonical form, because it is part of a reading's identity:
//
//     +  -                    one person in, or out
//     5-3  5-3-1711713600000  five in and three out, and the start of the interval (ms since 1970) if it is known
//     5-3-1711713600000r7     the same, as revision 7 of that interval
//     t105-99  t105-99-b7     the counters are at 105 and 99, in counter epoch b7 if the device names one
//
// The suffix `@17_0` means that the reading had no timestamp and arrived as item 0 of entry 17 of READINGS.
//
// All characters are unreserved in a URL path. Neither `~` nor `.` occurs, because they separate the parts of an
// identity.
import { isToken, type Brand } from './ids.ts';

export type Measure = Brand<string, 'Measure'>;

export type Direction = 1 | -1;

/** People who passed, as the device sees it: in is the direction that leads into the ingress space of its doorway. */
export interface Passed {
  readonly entrances: number;
  readonly exits: number;
}

export interface Standing {
  readonly totalEntrances: number;
  readonly totalExits: number;
  /** Identifies a run of the counters: in another epoch they have restarted from 0. */
  readonly counterEpoch: string | null;
}

/** One of several reports about one interval, of which one counts. */
export interface Revision extends Passed {
  readonly startMs: number;
  readonly revision: number;
}

/** An upper bound for the people who pass one doorway between two reports of a device. */
export const PASSED_MAX = 1_000_000;
/** The largest value of a 32-bit counter. */
export const TOTAL_MAX = 0xffff_ffff;
/** Enough for the instant of an export in milliseconds or microseconds. */
export const REVISION_MAX = Number.MAX_SAFE_INTEGER;
export const NOBODY: Passed = { entrances: 0, exits: 0 };

const [ENTRANCE, EXIT] = ['+' as Measure, '-' as Measure];
const [ONE_IN, ONE_OUT]: [Passed, Passed] = [
  { entrances: 1, exits: 0 },
  { entrances: 0, exits: 1 },
];

const INTERVAL = /^(0|[1-9]\d{0,6})-(0|[1-9]\d{0,6})(?:-(0|[1-9]\d{0,14})(?:r(0|[1-9]\d{0,15}))?)?(?:@|$)/;
const STANDING = /^t(0|[1-9]\d{0,9})-(0|[1-9]\d{0,9})(?:-([^@]+))?(?:@|$)/;
const PLACE = /@\d+_\d+$/;

export function personMeasure(direction: Direction): Measure {
  return direction > 0 ? ENTRANCE : EXIT;
}

export function intervalMeasure({ entrances, exits }: Passed, startMs: number | null): Measure {
  return `${entrances}-${exits}${startMs === null ? '' : `-${startMs}`}` as Measure;
}

/** The measure of an interval that may be reported again with other numbers. Its reading must have a timestamp. */
export function revisionMeasure({ startMs, revision, ...passed }: Revision): Measure {
  return `${intervalMeasure(passed, startMs)}r${revision}` as Measure;
}

export function standingMeasure({ totalEntrances, totalExits, counterEpoch }: Standing): Measure {
  return `t${totalEntrances}-${totalExits}${counterEpoch === null ? '' : `-${counterEpoch}`}` as Measure;
}

/**
 * The measure of a reading without a timestamp: its sequence in READINGS distinguishes it from others with the same
 * fields.
 */
export function arrivedAt(measure: Measure, seq: number, index: number): Measure {
  return `${measure}@${seq}_${index}` as Measure;
}

/** True for a measure in its canonical form. */
export function isMeasure(text: string): text is Measure {
  const measure = text.replace(PLACE, '');
  if (measure === ENTRANCE || measure === EXIT) return true;
  if (measure.includes('@')) return false;
  const [, entrances, exits, , revision] = INTERVAL.exec(measure) ?? [];
  if (entrances !== undefined)
    return (
      Number(entrances) <= PASSED_MAX &&
      Number(exits) <= PASSED_MAX &&
      (revision === undefined || (Number(revision) <= REVISION_MAX && measure === text))
    );
  const [, totalEntrances, totalExits, epoch] = STANDING.exec(measure) ?? [];
  return (
    totalEntrances !== undefined &&
    Number(totalEntrances) <= TOTAL_MAX &&
    Number(totalExits) <= TOTAL_MAX &&
    (epoch === undefined || isToken(epoch))
  );
}

/** 1 or -1 for one person, 0 for every other measure. */
export function directionOf(measure: Measure): Direction | 0 {
  if (measure === ENTRANCE || measure.startsWith('+@')) return 1;
  return measure === EXIT || measure.startsWith('-@') ? -1 : 0;
}

/** True for one person with a timestamp from the device. */
export function isPerson(measure: Measure): boolean {
  return measure === ENTRANCE || measure === EXIT;
}

export function isStanding(measure: Measure): boolean {
  return measure.charCodeAt(0) === STANDS;
}

export function isRevision(measure: Measure): boolean {
  const first = measure.charCodeAt(0);
  return first >= ZERO && first <= NINE && measure.includes('r');
}

const [STANDS, ZERO, NINE] = ['t', '0', '9'].map((character) => character.charCodeAt(0)) as [number, number, number];

/**
 * Who passed according to this reading alone; nobody for a standing, which counts by its difference to its
 * predecessor (series.ts).
 */
export function passedIn(measure: Measure): Passed {
  const direction = directionOf(measure);
  if (direction !== 0) return direction > 0 ? ONE_IN : ONE_OUT;
  const [, entrances, exits] = INTERVAL.exec(measure) ?? [];
  return entrances === undefined ? NOBODY : { entrances: Number(entrances), exits: Number(exits) };
}

/** When the interval of a measure began; null if it has no interval, or the device does not report its start. */
export function startOf(measure: Measure): number | null {
  const start = INTERVAL.exec(measure)?.[3];
  return start === undefined ? null : Number(start);
}

/** The revision in a measure; undefined if it has none. */
export function revisionIn(measure: Measure): Revision | undefined {
  const [, entrances, exits, start, revision] = INTERVAL.exec(measure) ?? [];
  return revision === undefined
    ? undefined
    : { entrances: Number(entrances), exits: Number(exits), startMs: Number(start), revision: Number(revision) };
}

/**
 * Orders the revisions of one interval; the last one counts. If revisions are equal, the one with the most people is
 * last, because the usual correction is of an interval that was exported before it was over.
 */
export function compareRevisions(a: Omit<Revision, 'startMs'>, b: Omit<Revision, 'startMs'>): number {
  return a.revision - b.revision || a.entrances + a.exits - (b.entrances + b.exits) || a.entrances - b.entrances;
}

/** The values of the counters; undefined if the measure is not a standing. */
export function standingIn(measure: Measure): Standing | undefined {
  const [, totalEntrances, totalExits, counterEpoch = null] = STANDING.exec(measure) ?? [];
  return totalEntrances === undefined
    ? undefined
    : { totalEntrances: Number(totalEntrances), totalExits: Number(totalExits), counterEpoch };
}

/**
 * Who passed between two consecutive standings of a device.
 *
 * A counter that is lower than before has wrapped if it has a modulus and is ahead by less than half of it (serial
 * number arithmetic, RFC 1982). Otherwise the device has restarted, and both counters count from 0. Another epoch
 * also means a restart.
 *
 * @param previous undefined for the first standing, which is only a baseline for later ones
 * @param modulus the modulus of both counters; null if they do not wrap
 */
export function passedBetween(previous: Standing | undefined, next: Standing, modulus: number | null): Passed {
  if (!previous) return NOBODY;
  const restarted = { entrances: next.totalEntrances, exits: next.totalExits };
  if (previous.counterEpoch !== next.counterEpoch) return restarted;
  const entrances = ahead(previous.totalEntrances, next.totalEntrances, modulus);
  const exits = ahead(previous.totalExits, next.totalExits, modulus);
  return entrances === undefined || exits === undefined ? restarted : { entrances, exits };
}

function ahead(from: number, to: number, modulus: number | null): number | undefined {
  if (to >= from) return to - from;
  if (modulus === null) return undefined;
  const wrapped = (((to - from) % modulus) + modulus) % modulus;
  return wrapped < modulus / 2 ? wrapped : undefined;
}
