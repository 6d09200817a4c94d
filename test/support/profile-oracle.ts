// How full a space was by hour of the week, the slow way: cut wherever a count or an hour of any clock may change, and ask
// the oracle for the count of each piece.
import type { SpaceOracle } from './oracle.ts';

/** Offsets of time zones are multiples of this. */
const QUARTER_MS = 900_000;

interface OracleHour {
  readonly weekday: number;
  readonly hour: number;
  entrances: number;
  exits: number;
  peak: number;
  /** Milliseconds by count, ascending. */
  times: [count: number, ms: number][];
}

interface OracleProfile {
  readonly entrances: number;
  readonly exits: number;
  readonly peak: number;
  readonly hours: readonly OracleHour[];
}

export function profileOf(oracle: SpaceOracle, startMs: number, endMs: number): OracleProfile {
  const quarters: number[] = [];
  for (let at = Math.ceil(startMs / QUARTER_MS) * QUARTER_MS; at < endMs; at += QUARTER_MS) quarters.push(at);
  const cuts = [...new Set([startMs, ...quarters, endMs])].sort((a, b) => a - b);
  const hours = new Map<string, OracleHour>();
  const localHour = localHourIn(oracle.schedule.timeZone);
  for (const [n, fromMs] of cuts.slice(0, -1).entries()) {
    const toMs = cuts[n + 1] ?? fromMs;
    const local = localHour(fromMs);
    const hour = hours.get(local) ?? newHour(local);
    hours.set(local, hour);
    const { entrances, exits, max } = oracle.interval(fromMs, toMs);
    hour.entrances += entrances;
    hour.exits += exits;
    hour.peak = Math.max(hour.peak, max);
    const pieces = [...new Set([fromMs, ...changesIn(oracle, fromMs, toMs)])].sort((a, b) => a - b);
    for (const [piece, atMs] of pieces.entries())
      addTime(hour, oracle.at(atMs).count, (pieces[piece + 1] ?? toMs) - atMs);
  }
  const all = [...hours.values()].sort((a, b) => a.weekday - b.weekday || a.hour - b.hour);
  return {
    entrances: all.reduce((sum, { entrances }) => sum + entrances, 0),
    exits: all.reduce((sum, { exits }) => sum + exits, 0),
    peak: Math.max(...all.map(({ peak }) => peak)),
    hours: all,
  };
}

/** The instants in `[fromMs, toMs)` at which the count may change. */
export function changesIn(oracle: SpaceOracle, fromMs: number, toMs: number): number[] {
  const found = oracle.events.map(({ timestampMs }) => timestampMs).filter((at) => fromMs <= at && at < toMs);
  let resetMs = oracle.resetAt(toMs - 1).timestampMs;
  for (; resetMs >= fromMs; resetMs = oracle.resetAt(resetMs - 1).timestampMs) found.push(resetMs);
  return found;
}

function addTime(hour: OracleHour, count: number, ms: number): void {
  const found = hour.times.find(([other]) => other === count);
  if (found) found[1] += ms;
  else hour.times = [...hour.times, [count, ms] as [number, number]].sort(([a], [b]) => a - b);
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** @returns a function from an instant to its weekday and hour, such as `Mon 09` */
function localHourIn(timeZone: string): (atMs: number) => string {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short', hour: '2-digit', hourCycle: 'h23' });
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    return `${parts['weekday'] ?? ''} ${parts['hour'] ?? ''}`;
  };
}

function newHour(local: string): OracleHour {
  const [weekday = '', hour] = local.split(' ');
  return { weekday: WEEKDAYS.indexOf(weekday) + 1, hour: Number(hour), entrances: 0, exits: 0, peak: 0, times: [] };
}
