// Milesight people counters VS12x and VS13x over HTTP or MQTT: the JSON that they push.
//
// Which counter: one message can contain the people of the period and the counters, and a device can also send each
// crossing. `counter` chooses one. A line is named by its number, because its name need not be unique.
//
// Sources of the format: milesight.com (VS125 "Recipient and API", VS121-P communication protocol); captures of VS125
// and VS135 in github.com/akenza-io/device-type-library and in public integrations. In newer models counts are below
// `total`, beside breakdowns (children, staff, group) that are parts of it; VS135 has them in the line itself;
// VS121-P has one line and local times with `timezone`.
import { z } from 'zod';
import { isTimeZone } from '../domain/zone.ts';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { clockOfOffset, clockOfZone, timeOf, type TimeRules } from './device-time.ts';
import type { Field } from './field.ts';
import { jsonDocuments } from './payload-text.ts';
import type { Line, ReadingCollection } from './reading-collection.ts';

const options = z.strictObject({
  ...COMMON_OPTIONS,
  counter: z
    .enum(['interval', 'event', 'total'])
    .default('interval')
    .describe('interval: line_periodic_data; event: line_trigger_data; total: line_total_data'),
  time_zone: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone')
    .optional()
    .describe("the device's zone, for times without an offset if the message names no zone"),
});

type Counter = z.infer<typeof options>['counter'];

const KINDS: Readonly<Record<Counter, string>> = {
  interval: 'counts of a period',
  event: 'triggered counts',
  total: 'cumulative counts',
};

/** A line's counts of one kind. */
interface Counts {
  readonly counter: Counter;
  readonly at: Field;
  readonly entrances: Field;
  readonly exits: Field;
}

export const milesight = defineAdapter({
  name: 'milesight',
  options,
  read: (payload, _, { counter, time_zone }, into) =>
    into.each(jsonDocuments(payload), (document) => {
      const info = document.get('device_info');
      const device = info.first('device_sn', 'device_mac', 'cus_device_id').text();
      const time = document.get('time_info');
      const clock = clockOfOffset(time.first('timezone', 'time_zone').text()) ?? clockOfZone(time_zone);
      into.each(countsIn(document), (counts) => {
        if (counts.counter !== counter)
          return into.skip(counts.at, `${KINDS[counts.counter]} do not count unless counter is ${counts.counter}`);
        const line = counts.at.first('line', 'line_uuid', 'line_name').text() ?? '1';
        add({ device, line }, counts, time, { clock }, into);
      });
    }),
});

function countsIn(document: Field): Counts[] {
  const cumulative = document.get('total_data');
  return [
    ...document
      .get('line_periodic_data')
      .items()
      .map((at) => ({ counter: 'interval' as const, at, ...pair(at, 'in', 'out') })),
    ...document
      .get('line_trigger_data')
      .items()
      .map((at) => ({ counter: 'event' as const, at, ...pair(at, 'in', 'out') })),
    ...document
      .get('line_total_data')
      .items()
      .map((at) => ({ counter: 'total' as const, at, ...pair(at, 'in_counted', 'out_counted') })),
    ...(document.get('in_counted').exists
      ? [{ counter: 'interval' as const, at: document, ...pair(document, 'in_counted', 'out_counted') }]
      : []),
    ...(cumulative.exists
      ? [
          {
            counter: 'total' as const,
            at: cumulative,
            ...pair(cumulative, 'in_cumulative_counted', 'out_cumulative_counted'),
          },
        ]
      : []),
  ];
}

function pair(at: Field, entrances: string, exits: string): { entrances: Field; exits: Field } {
  const total = at.get('total');
  const counts = total.isObject ? total : at;
  return { entrances: counts.get(entrances), exits: counts.get(exits) };
}

function add(line: Line, counts: Counts, time: Field, rules: TimeRules, into: ReadingCollection): void {
  const { counter, at } = counts;
  const [entrances, exits] = [counts.entrances.count(), counts.exits.count()];
  if (counter === 'interval') {
    const [startMs, timestampMs] = [timeOf(time.get('start_time'), rules), timeOf(time.get('end_time'), rules)];
    return into.people(line, at, { timestampMs, startMs, entrances, exits });
  }
  if (counter === 'total') {
    const timestampMs = timeOf(time.first('end_time', 'time'), rules);
    return into.standing(line, at, { timestampMs, totalEntrances: entrances, totalExits: exits });
  }
  const timestampMs = timeOf(time.first('time', 'end_time'), rules);
  if (entrances + exits > 0) into.people(line, at, { timestampMs, entrances, exits });
}
