// AXIS People Counter and AXIS 3D People Counter: their pushes ("Axis Retail Data"), and the answers to polls
// (live-sum, export-json, export/json, export/csv, occupancy), as forwarded by the polling program.
//
// Which counter: each of these formats has one. Live sums and occupancy contain the counters since midnight of the
// camera; all others contain the people of intervals. Send one of the two kinds; `counter` ignores the other. An
// export contains the current interval with the people counted so far. An interval that is not over when it arrives
// does not count, because the next export contains it.
//
// Versions write the serial number with or without colons, in upper or lower case; here it is in upper case without
// colons.
//
// Sources of the format: developer.axis.com (vapix: people-counter-api, p8815-2-3d-people-counter-api), captures in
// github.com/akenza-io/device-type-library (types/axis/peopleCounter), and public readers of the exports.
import { z } from 'zod';
import { isTimeZone } from '../domain/zone.ts';
import type { PayloadContext } from './adapter.ts';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { clockOfZone, timeOf, type TimeRules } from './device-time.ts';
import { Field } from './field.ts';
import { csvLines, csvRecord, documentsIn, textOf } from './payload-text.ts';
import type { ReadingCollection } from './reading-collection.ts';

const options = z.strictObject({
  ...COMMON_OPTIONS,
  counter: z
    .enum(['interval', 'total'])
    .optional()
    .describe('interval: pushes and exports; total: live sums and occupancy; if absent, both count'),
  time_zone: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone')
    .optional()
    .describe("the camera's zone, for times without an offset (live sums, exports)"),
  export_key: z
    .enum(['end', 'start'])
    .default('end')
    .describe('whether export-json names an interval by its end or by its start'),
});

interface Reader {
  readonly rules: TimeRules;
  readonly exportKey: 'end' | 'start';
  readonly arrivalMs: number;
  readonly isExpected: (counter: 'interval' | 'total', at: Field) => boolean;
  readonly into: ReadingCollection;
}

export const axisPeopleCounter = defineAdapter({
  name: 'axis-people-counter',
  options,
  read: (payload, { contentType, arrivalMs }, { counter, time_zone, export_key }, into) => {
    const reader: Reader = {
      rules: { clock: clockOfZone(time_zone) },
      exportKey: export_key,
      arrivalMs,
      into,
      isExpected: (kind, at) => {
        if (counter === undefined || counter === kind) return true;
        into.skip(at, `${kind}s do not count unless counter is ${kind}`);
        return false;
      },
    };
    into.each(documentsOf(payload, contentType), (document) => readDocument(document, reader));
  },
});

function documentsOf(payload: Uint8Array, contentType: PayloadContext['contentType'] = ''): readonly Field[] {
  const text = textOf(payload);
  if (!/csv/i.test(contentType) && /^[{[]/.test(text)) return documentsIn(text);
  const [header = [], ...lines] = csvLines(text);
  if (!header.includes('start') || !header.includes('end'))
    return new Field(header, 'header').fail('must have the columns start, end, in and out');
  return [new Field({ data: lines.map((line) => csvRecord(header, line)) })];
}

function readDocument(document: Field, reader: Reader): void {
  const data = document.get('data');
  if (document.get('apiName').exists || data.get('measurements').exists) readPush(document, reader);
  else if (Array.isArray(data.value)) readBins(data, document, reader);
  else if (data.isObject) readExport(document, reader);
  else readSum(document, reader);
}

function serialOf(field: Field): string | undefined {
  const text = field.text();
  const digits = text?.replaceAll(/[:-]/g, '');
  return digits !== undefined && /^[0-9a-f]{12}$/i.test(digits) ? digits.toUpperCase() : text;
}

function readPush(document: Field, { into, isExpected }: Reader): void {
  const device = serialOf(document.get('sensor').get('serial'));
  into.each(document.get('data').get('measurements').items(), (measurement) => {
    if ((measurement.get('kind').text() ?? 'people-counts') !== 'people-counts' || !isExpected('interval', measurement))
      return;
    const items = measurement.get('items');
    if (!Array.isArray(items.value)) return items.fail('must be a list of counts by direction');
    const sumOf = (direction: string): number =>
      items
        .items()
        .filter((item) => item.get('direction').value === direction)
        .reduce((sum, item) => sum + item.get('count').count(), 0);
    into.people({ device }, measurement, {
      timestampMs: timeOf(measurement.get('utcTo')),
      startMs: timeOf(measurement.get('utcFrom')),
      entrances: sumOf('in'),
      exits: sumOf('out'),
    });
  });
}

function readExport(document: Field, { rules, exportKey, arrivalMs, into, isExpected }: Reader): void {
  const counter = document.get('counter');
  const types = counter
    .get('types')
    .items()
    .map((type) => type.text()?.toLowerCase());
  const [entering, leaving] = types.length === 0 ? [0, 1] : [types.indexOf('in'), types.indexOf('out')];
  if (entering < 0 || leaving < 0) return into.skip(counter, 'an export without in and out');
  if (!isExpected('interval', document)) return;
  const lengthMs = counter.get('delta').count() * 1_000;
  const device = serialOf(counter.get('serial'));
  into.each(document.get('data').entries(), ([key, values]) => {
    const keyMs = timeOf(new Field(key, values.path), rules);
    const timestampMs = exportKey === 'end' ? keyMs : keyMs + lengthMs;
    if (timestampMs > arrivalMs) return into.skip(values, NOT_OVER);
    if (!Array.isArray(values.value)) return values.fail('must be a list of counts');
    into.people({ device }, values, {
      timestampMs,
      startMs: Math.max(0, timestampMs - lengthMs),
      entrances: (values.items()[entering] ?? new Field(undefined, values.path)).count(),
      exits: (values.items()[leaving] ?? new Field(undefined, values.path)).count(),
    });
  });
}

const NOT_OVER = 'an interval that is not over; a later export has it';

function readBins(bins: Field, document: Field, { rules, arrivalMs, into, isExpected }: Reader): void {
  const device = serialOf(document.get('serial'));
  if (!isExpected('interval', bins)) return;
  into.each(bins.items(), (bin) => {
    const timestampMs = timeOf(bin.get('end'), rules);
    if (timestampMs > arrivalMs) return into.skip(bin, NOT_OVER);
    const [entrances, exits] = [bin.first('in', 'adults_in'), bin.first('out', 'adults_out')];
    if (entrances.value === null && exits.value === null)
      return into.skip(bin, 'an interval without data: the counter did not run');
    const startMs = timeOf(bin.get('start'), rules);
    into.people({ device }, bin, { timestampMs, startMs, entrances: entrances.count(), exits: exits.count() });
  });
}

function readSum(document: Field, { rules, into, isExpected }: Reader): void {
  const [entrances, exits] = [document.first('total_in', 'in'), document.first('total_out', 'out')];
  if (!entrances.exists && !exits.exists) return into.skip(document, 'has no counts');
  if (!isExpected('total', document)) return;
  into.standing({ device: serialOf(document.get('serial')) }, document, {
    timestampMs: timeOf(document.get('timestamp'), rules),
    totalEntrances: entrances.count(),
    totalExits: exits.count(),
  });
}
