// The decoded LoRaWAN uplink of a Milesight people counter: VS121, VS132, VS133, VS135, VS350, VS351.
//
// Which counter: `period` has the people since the previous report, `total` the counter. VS133 sends them in separate
// uplinks, VS350 in one; `counter` chooses one. The uplink does not contain the start of the period; the device's
// report interval is an option. A period in an uplink caused by an alarm is not over: the next report contains it
// completely.
//
// Sources of the format: github.com/Milesight-IoT/SensorDecoders (vs-series), and
// github.com/TheThingsNetwork/lorawan-devices (vendor/milesight-iot), whose decoder has an object for each line.
import { z } from 'zod';
import { COMMON_OPTIONS } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import { Field } from './field.ts';
import type { Line, ReadingCollection } from './reading-collection.ts';

export const uplinkOptions = z.strictObject({
  ...COMMON_OPTIONS,
  counter: z
    .enum(['interval', 'total'])
    .default('interval')
    .describe('interval: the period fields of the decoder; total: the total fields'),
  report_interval_s: z
    .number()
    .int()
    .min(1)
    .max(604_800)
    .optional()
    .describe("the device's report interval in seconds, which its uplinks do not contain; gives periods a start"),
  history: z.boolean().default(true).describe('count what the device stored while it had no network and sends later'),
});

export type UplinkOptions = z.infer<typeof uplinkOptions>;

/** An uplink without the metadata of the network server. */
export interface Uplink {
  readonly device: string | undefined;
  /** When it was received; null if the server does not report it. */
  readonly receivedMs: number | null;
  readonly object: Field;
}

const NAME = /^(?:line_(\d{1,3})_)?(people_)?(?:(total|period|periodic)_)?(?:counter_)?(in|out)$/;

interface Counts {
  readonly line: string | undefined;
  readonly kind: 'interval' | 'total';
  entrances?: Field;
  exits?: Field;
}

export function addUplink(uplink: Uplink, options: UplinkOptions, into: ReadingCollection): void {
  const { object } = uplink;
  if (!object.isObject) object.fail('must be an object: the output of the decoder for the uplink');
  const time = object.get('timestamp');
  into.attempt(() => addCounts(object, time.exists ? timeOf(time) : uplink.receivedMs, uplink, options, into));
  const history = object.get('history');
  if (!options.history)
    return history.exists ? into.skip(history, 'history does not count unless the option is set') : undefined;
  into.each(byTime(history, into), ([timestampMs, entry]) => addCounts(entry, timestampMs, uplink, options, into));
}

/** Decoders give one entry for each channel; the entries of one instant belong together. */
function byTime(history: Field, into: ReadingCollection): Map<number, Field> {
  const entries = new Map<number, Field>();
  into.each(history.items(), (entry) => {
    const timestampMs = timeOf(entry.get('timestamp'));
    const before = entries.get(timestampMs);
    const fields = { ...(before?.value as object | undefined), ...(entry.value as object) };
    entries.set(timestampMs, before ? new Field(fields, before.path) : entry);
  });
  return entries;
}

function addCounts(
  object: Field,
  timestampMs: number | null,
  { device }: Uplink,
  { counter, report_interval_s }: UplinkOptions,
  into: ReadingCollection,
): void {
  into.each(countsIn(object), ({ line, kind, entrances, exits }) => {
    if (kind !== counter) return into.skip(object, `${kind}s do not count unless counter is ${kind}`);
    const name: Line = { device, line };
    const at = entrances ?? exits ?? object;
    if (!entrances || !exits) return at.fail(`comes without its ${entrances ? 'out' : 'in'}`);
    const [inward, outward] = [entrances.count(), exits.count()];
    if (kind === 'total') return into.standing(name, at, { timestampMs, totalEntrances: inward, totalExits: outward });
    if (object.get('period_count_alarm').exists)
      return into.skip(object, 'a period that an alarm cut short; the next report has it in full');
    const start =
      timestampMs === null || report_interval_s === undefined
        ? {}
        : { startMs: Math.max(0, timestampMs - report_interval_s * 1_000) };
    into.people(name, at, { timestampMs, ...start, entrances: inward, exits: outward });
  });
}

/** Recognises `line_1_total_in` and `line_1: {total_in}`, `people_in` (a period), `total_counter_in`. */
function countsIn(object: Field): Iterable<Counts> {
  const found = new Map<string, Counts>();
  const take = (name: string, field: Field): void => {
    const [, line, people, kindName, side] = NAME.exec(name) ?? [];
    if (side === undefined || (people === undefined && kindName === undefined)) return;
    const kind = kindName === 'total' ? 'total' : 'interval';
    const key = `${line} ${kind}`;
    const counts = found.get(key) ?? { line, kind };
    counts[side === 'in' ? 'entrances' : 'exits'] = field;
    found.set(key, counts);
  };
  for (const [name, field] of object.entries()) {
    if (!field.isObject) take(name, field);
    else if (/^line_\d{1,3}$/.test(name)) for (const [inner, value] of field.entries()) take(`${name}_${inner}`, value);
  }
  return found.values();
}
