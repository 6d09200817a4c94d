// Hikvision people counting over ISAPI: EventNotificationAlert as XML (with any of four namespaces, or none), as
// JSON, alone or in a multipart body with pictures; and CountingStatisticsResult, the answer to a search.
//
// Which counter: `realTime` alerts contain the counter of the day, `timeRange` and `signalTrigger` alerts the people
// of a window. A camera can send both for the same people; `counter` chooses one.
//
// Sources of the format: github.com/dumacp/go-hikvision (peoplecounting/xml.go, events.go), and alerts and search
// results of cameras that users published. Offsets such as `-5:00` were seen on DS-2XM6825G0 V5.5.850.
import { z } from 'zod';
import { isTimeZone } from '../domain/zone.ts';
import type { PayloadContext } from './adapter.ts';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { clockOfZone, timeOf, type LocalClock } from './device-time.ts';
import type { Field } from './field.ts';
import { partsOf, xmlRoot } from './markup.ts';
import { documentsIn } from './payload-text.ts';
import type { Line, ReadingCollection } from './reading-collection.ts';

const options = z.strictObject({
  ...COMMON_OPTIONS,
  counter: z
    .enum(['interval', 'total'])
    .default('interval')
    .describe('interval: timeRange and signalTrigger alerts, and search results; total: realTime alerts'),
  regions: z
    .boolean()
    .default(false)
    .describe('count each region of a channel as a line `<channel>-<region>` instead of the channel'),
  channel: z.string().min(1).max(32).default('1').describe('the channel of search results, which do not name one'),
  time_zone: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone')
    .optional()
    .describe("the camera's zone, for times without an offset (search results)"),
});

type Options = z.infer<typeof options>;

interface Reader {
  readonly options: Options;
  readonly clock: LocalClock | undefined;
  readonly arrivalMs: number;
  readonly into: ReadingCollection;
}

export const hikvision = defineAdapter({
  name: 'hikvision',
  options,
  read: (payload, context, chosen, into) => {
    const reader = { options: chosen, clock: clockOfZone(chosen.time_zone), arrivalMs: context.arrivalMs, into };
    into.each(messagesOf(payload, context), ([name, message]) => {
      if (/^CountingStatisticsResult$/i.test(name)) readSearchResult(message, reader);
      else readAlert(message, reader);
    });
  },
});

function messagesOf(payload: Uint8Array, { contentType }: PayloadContext): (readonly [string, Field])[] {
  return partsOf(payload, contentType).flatMap((text) =>
    text.startsWith('{') || text.startsWith('[') ? documentsIn(text).map(jsonRoot) : [xmlRoot(text)],
  );
}

/** JSON has the fields of the root element, or the root element as its only field. */
function jsonRoot(document: Field): readonly [string, Field] {
  const [only, ...others] = document.entries();
  return only && others.length === 0 && only[1].isObject ? only : ['EventNotificationAlert', document];
}

/** The case of names differs between versions of the interface. */
function child(parent: Field, name: string): Field {
  const exact = parent.get(name);
  if (exact.exists) return exact;
  return parent.entries().find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? exact;
}

function readAlert(alert: Field, reader: Reader): void {
  const type = child(alert, 'eventType').text()?.toLowerCase();
  const counting = child(alert, 'peopleCounting');
  // Heartbeats are alerts of another type.
  if (type === undefined ? !counting.exists : type !== 'peoplecounting') return;
  const device = child(alert, 'macAddress').text() ?? child(alert, 'serialNumber').text();
  const channel = child(alert, 'channelID').text() ?? child(alert, 'dynChannelID').text() ?? '1';
  const method = child(counting, 'statisticalMethods').text()?.toLowerCase();
  const range = child(counting, 'TimeRange');
  const isInterval = method === undefined ? range.exists : method !== 'realtime';
  if (isInterval !== (reader.options.counter === 'interval')) {
    const setting = isInterval ? 'interval' : 'total';
    reader.into.skip(counting, `${method ?? 'these'} alerts do not count unless counter is ${setting}`);
    return;
  }
  const add = isInterval ? intervalsOf(range, reader) : standingsOf(alert, counting, reader);
  const regions = child(child(counting, 'RegionList'), 'Region').items();
  const ofAll = child(counting, 'enter').exists || child(counting, 'exit').exists;
  if (!reader.options.regions && ofAll) return add({ device, line: channel }, counting);
  if (!reader.options.regions && regions.length === 0) return child(counting, 'enter').fail('is missing: a number');
  reader.into.each(regions, (region) =>
    add({ device, line: `${channel}-${child(region, 'id').requireText('the id of a region')}` }, region),
  );
}

function intervalsOf(range: Field, { clock, into }: Reader): (line: Line, counts: Field) => void {
  const [startMs, timestampMs] = [
    timeOf(child(range, 'startTime'), { clock }),
    timeOf(child(range, 'endTime'), { clock }),
  ];
  return (line, counts) =>
    into.people(line, range, {
      timestampMs,
      startMs,
      entrances: child(counts, 'enter').count(),
      exits: child(counts, 'exit').count(),
    });
}

/** The time of the count, if it differs from that of the alert. */
function standingsOf(alert: Field, counting: Field, { clock, into }: Reader): (line: Line, counts: Field) => void {
  const counted = child(child(counting, 'RealTime'), 'time');
  const timestampMs = timeOf(counted.exists ? counted : child(alert, 'dateTime'), { clock });
  return (line, counts) =>
    into.standing(line, counts, {
      timestampMs,
      totalEntrances: child(counts, 'enter').count(),
      totalExits: child(counts, 'exit').count(),
    });
}

function readSearchResult(result: Field, { options: chosen, clock, arrivalMs, into }: Reader): void {
  if (chosen.counter !== 'interval') return into.skip(result, 'search results do not count unless counter is interval');
  into.each(child(child(result, 'matchList'), 'matchElement').items(), (match) => {
    const span = child(match, 'timeSpan');
    const lastMs = timeOf(child(span, 'endTime'), { clock });
    // An interval ends with its last second, for example 08:00:00 to 08:59:59.
    const timestampMs = lastMs % 60_000 === 59_000 ? lastMs + 1_000 : lastMs;
    if (timestampMs > arrivalMs) return into.skip(span, 'an interval that is not over; a later search has it');
    into.people({ device: undefined, line: chosen.channel }, span, {
      timestampMs,
      startMs: timeOf(child(span, 'startTime'), { clock }),
      entrances: child(match, 'enterCount').count(),
      exits: child(match, 'exitCount').count(),
    });
  });
}
