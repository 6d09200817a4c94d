// AXIS Object Analytics, crossline counting, over the camera's MQTT event bridge.
//
// Each message reports that one object crossed, and the values of the counters since their reset. Which counter:
// `event` counts each message about a human; `total` counts the difference of `totalHuman`, which also includes the
// people of lost messages (the camera publishes with QoS 0). A scenario is a line and counts one direction; scenarios
// for people who leave are `reversed`. Messages of other scenarios (object in area, occupancy, ANY, Threshold,
// Passthrough, Interval) are ignored.
//
// Sources of the format: developer.axis.com ("AXIS Object Analytics counting data", "Visualize … using Grafana"),
// github.com/reelyactive/barnowl-axis.
import { z } from 'zod';
import type { PayloadContext } from './adapter.ts';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import { readingNameOf } from './dpu-name.ts';
import type { Field } from './field.ts';
import { documentsIn, jsonDocuments } from './payload-text.ts';
import { publishedIn } from './published.ts';
import type { ReadingCollection } from './reading-collection.ts';

const options = z.strictObject({
  ...COMMON_OPTIONS,
  counter: z
    .enum(['event', 'total'])
    .default('event')
    .describe('event: one person for each message about a human; total: differences of totalHuman'),
});

const SCENARIO = /ObjectAnalytics\/Device(\d{1,3})Scenario(\d{1,5})$/;
const SERIAL = /(?:^|\/)axis\/([0-9A-Fa-f]{12})\//;

export const axisAoa = defineAdapter({
  name: 'axis-aoa',
  options,
  read: (payload, context, { counter }, into) =>
    into.each(jsonDocuments(payload), (document) => readMessage(document, context, counter, into)),
});

function readMessage(
  document: Field,
  context: PayloadContext,
  counter: z.infer<typeof options>['counter'],
  into: ReadingCollection,
): void {
  const { topic, isRetained, body } = publishedIn(document, context);
  const event = typeof body.value === 'string' ? documentsIn(body.value)[0] : body;
  if (!event) return;
  const [, camera, scenario] = SCENARIO.exec(topic ?? '') ?? SCENARIO.exec(event.get('topic').text() ?? '') ?? [];
  const data = event.get('message').get('data');
  const [humans, reason, since] = [data.get('totalHuman'), data.get('reason').text(), data.get('startTime')];
  if (scenario === undefined || !humans.exists || (reason === undefined && !since.exists)) return;
  if (isRetained) return into.skip(event, 'a retained message: it was counted when it was published');
  const device = event.get('serial').text() ?? SERIAL.exec(topic ?? '')?.[1];
  const line = { device, line: camera === '1' ? scenario : `${camera}.${scenario}` };
  const timestampMs = timeOf(event.get('timestamp'));
  if (counter === 'total') {
    const counterEpoch = readingNameOf(since.text());
    const standing = { timestampMs, totalEntrances: humans.count(), totalExits: 0 };
    return into.standing(line, event, counterEpoch === undefined ? standing : { ...standing, counterEpoch });
  }
  if (reason === undefined) return data.get('reason').fail('is missing: what crossed; not needed if counter is total');
  // The counter value distinguishes two people who cross within a millisecond.
  if (reason.toLowerCase() === 'human')
    into.person(line, event, { timestampMs, id: String(humans.count()), direction: 1 });
}
