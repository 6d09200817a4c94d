// Xovis PC series: data push version 5 (LIVE_DATA and LOGICS agents) and the push of versions 3 and 4
// (`content.element`).
//
// Which counter: a crossing can appear in three places: as a line crossing of the scene in live data, some seconds
// later as COUNT_INCREMENT of a logic in live data, and in the records of the logic. `counter` chooses one. A line is
// the geometry (scene), the logic (increments, records) or the element (versions 3 and 4), identified by its id,
// which is unique within a sensor. The ids of a multisensor are numbered separately and written
// `m<multisensor>.<id>`.
//
// Only persons count: lines of groups, bicycles, prams, wheelchairs and carts are other logics, and a GROUP crosses a
// line some two seconds after its PERSON. Breakdowns (`fw-male`) are parts of `fw` and `bw`. A record without samples
// was not measured.
//
// Sources of the format: github.com/xovis-open-sdk/xovis-sdk, github.com/akenza-io/device-type-library
// (types/xovis/PC2S, PC2SV5).
import { z } from 'zod';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import type { Field } from './field.ts';
import { readingNameOf } from './dpu-name.ts';
import { jsonDocuments } from './payload-text.ts';
import type { Line, ReadingCollection } from './reading-collection.ts';

const options = z.strictObject({
  ...COMMON_OPTIONS,
  counter: z
    .enum(['interval', 'event', 'logic_event'])
    .default('interval')
    .describe(
      'interval: records of line logics; event: line crossings in live data; logic_event: count increments in live data',
    ),
});

type Counter = z.infer<typeof options>['counter'];

const OTHER_OBJECTS = /^XLT_(?:GROUP|BICYCLE|PRAM|WHEELCHAIR|SHOPPING_CART)_/;
const CROSSINGS = new Map<unknown, 1 | -1>([
  ['LINE_CROSS_FORWARD', 1],
  ['LINE_CROSS_BACKWARD', -1],
]);
const COUNTERS = new Map<unknown, 1 | -1>([
  ['fw', 1],
  ['bw', -1],
]);

export const xovis = defineAdapter({
  name: 'xovis',
  options,
  read: (payload, _, { counter }, into) =>
    into.each(jsonDocuments(payload), (document) => {
      const [live, logics, content] = [document.get('live_data'), document.get('logics_data'), document.get('content')];
      if (live.exists) readLive(live, counter, into);
      if (logics.exists) readLogics(logics, counter, into);
      if (content.exists) readElements(document, counter, into);
    }),
});

/** Returns a function that converts an id of this sensor to a line. */
function linesOf(data: Field): (id: Field) => Line {
  const sensor = data.get('sensor_info');
  const device = sensor.get('serial_number').text();
  const isMulti = sensor.get('type').value === 'MULTI_SENSOR';
  const prefix = isMulti ? `m${sensor.first('multisensor_id', 'id').text() ?? ''}.` : '';
  return (id) => ({ device, line: `${prefix}${id.requireText('the id of a line')}` });
}

function readLive(live: Field, counter: Counter, into: ReadingCollection): void {
  const frames = live.get('frames').items();
  const lineOf = linesOf(live);
  const objects = new Map<string, string>();
  for (const frame of frames) {
    for (const object of frame.get('tracked_objects').items())
      objects.set(object.get('track_id').text() ?? '', object.get('type').text() ?? '');
  }
  into.each(frames, (frame) =>
    into.each(frame.get('events').items(), (event) => {
      const crossing = counter === 'logic_event' ? logicCrossing(event) : sceneCrossing(event);
      if (!crossing) return;
      const track = event.get('attributes').get('track_id').text() ?? '';
      if ((objects.get(track) ?? 'PERSON') !== 'PERSON') return;
      if (counter === 'interval')
        return into.skip(event, 'line crossings in live data do not count unless counter is event');
      const { direction, line, id } = crossing;
      const reading = { timestampMs: timeOf(frame.get('time')), direction };
      into.person(lineOf(line), event, id === undefined ? reading : { ...reading, id });
    }),
  );
}

interface Crossing {
  readonly direction: 1 | -1;
  readonly line: Field;
  /** Distinguishes persons who cross in the same frame. */
  readonly id: string | undefined;
}

function sceneCrossing(event: Field): Crossing | undefined {
  const attributes = event.get('attributes');
  const direction = CROSSINGS.get(event.get('type').value);
  if (direction === undefined || event.get('category').value === 'COUNT') return undefined;
  const id = readingNameOf(attributes.get('track_id').text());
  return { direction, line: attributes.first('geometry_id', 'geometry_name'), id };
}

function logicCrossing(event: Field): Crossing | undefined {
  const attributes = event.get('attributes');
  const direction = COUNTERS.get(attributes.get('counter_name').value);
  if (direction === undefined || event.get('type').value !== 'COUNT_INCREMENT') return undefined;
  const id = readingNameOf(attributes.first('counter_value', 'track_id').text());
  return { direction, line: attributes.first('logic_id', 'logic_name'), id };
}

function readLogics(logics: Field, counter: Counter, into: ReadingCollection): void {
  const lineOf = linesOf(logics);
  into.each(logics.get('logics').items(), (logic) => {
    if (OTHER_OBJECTS.test(logic.get('info').text() ?? '')) return;
    into.each(logic.get('records').items(), (record) => {
      const [entrances, exits] = named(record.get('counts'), 'name');
      if (!entrances && !exits) return;
      if (counter !== 'interval') return into.skip(record, 'records of logics do not count unless counter is interval');
      const samples = record.get('samples');
      if (samples.value === 0) return into.skip(samples, 'a record without samples: nothing was measured');
      into.people(lineOf(logic.first('id', 'name')), record, {
        timestampMs: timeOf(record.get('to')),
        startMs: timeOf(record.get('from')),
        entrances: entrances?.count() ?? 0,
        exits: exits?.count() ?? 0,
        ...(samples.exists ? { revision: samples.count() } : {}),
      });
    });
  });
}

/** The values of `fw` and `bw`. */
function named(counts: Field, key: string): readonly [Field | undefined, Field | undefined] {
  const valueOf = (name: string): Field | undefined =>
    counts
      .items()
      .find((count) => count.get(key).value === name)
      ?.get('value');
  return [valueOf('fw'), valueOf('bw')];
}

function readElements(document: Field, counter: Counter, into: ReadingCollection): void {
  const device = document.get('sensor-info').get('serial-number').text();
  into.each(document.get('content').get('element').items(), (element) => {
    if (element.get('data-type').value !== 'LINE') return;
    if (counter !== 'interval') return into.skip(element, 'elements do not count unless counter is interval');
    const line = element.first('element-id', 'element-name').requireText('the id of a line');
    into.each(element.get('measurement').items(), (measurement) => {
      const [entrances, exits] = named(measurement.get('value'), 'label');
      if (!entrances && !exits) return measurement.get('value').fail('has neither fw nor bw');
      into.people({ device, line }, measurement, {
        timestampMs: timeOf(measurement.get('to')),
        startMs: timeOf(measurement.get('from')),
        entrances: entrances?.count() ?? 0,
        exits: exits?.count() ?? 0,
      });
    });
  });
}
