// Roode (ESPHome, VL53L1X) over MQTT, directly or through Home Assistant's mqtt_statestream.
//
// Which counter: the text sensor of the last direction, one message for each crossing. The number `people_counter` is
// an occupancy that is clamped and can be set by hand; it is not counted. The payload has no time: a reading counts
// at its arrival, or when a bridge reports that it received it.
//
// No version of Roode has counters of entries and of exits. Its topics with `entry` and `exit` are distances, thresholds
// and zones. Where somebody's own configuration publishes such counters, each comes in a message of its own, and neither is
// a standing; they are skipped with a remark (docs/devices.md says how to publish both in one message).
//
// After a reconnect ESPHome publishes all current states again, and so does Home Assistant after `unavailable`. Such
// a repeated direction is recognised by the states before it: the device was offline, and the number has not changed
// since the last counted crossing. This is the adapter's memory. If the memory was lost, such a state counts as a
// crossing. A device that publishes `{"direction": "Entry"}` from its own automation has none of these ambiguities,
// and may add `id` and `timestamp`.
//
// Sources of the format: github.com/Lyr3x/Roode (components/roode), github.com/esphome/esphome (components/mqtt),
// github.com/home-assistant/core (mqtt_statestream).
import { z } from 'zod';
import type { PayloadContext } from './adapter.ts';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import { readingNameOf } from './dpu-name.ts';
import { Field } from './field.ts';
import { documentsIn, textOf } from './payload-text.ts';
import { publishedIn, type Published } from './published.ts';
import type { ReadingCollection } from './reading-collection.ts';

/** The state from previous messages. */
interface Memory {
  /** The people counter, as text. */
  readonly number?: string | undefined;
  /** The people counter at the last counted crossing. */
  readonly counted?: string | undefined;
  /** True if the device was offline, and has not repeated its direction since. */
  readonly wasOffline?: boolean | undefined;
}

const DIRECTIONS = new Map<string | undefined, 1 | -1>([
  ['entry', 1],
  ['exit', -1],
]);
/** By default the number is named `people counter`; examples also have `People Count`, and Home Assistant may append a number. */
const NUMBER = /people_count(?:er)?(?:_\d+)?\/state$/;
const ONE_DIRECTION = /(?:entries|entrances|exits)(?:_\w+)?\/state$/;
const NO_STATE = new Set(['unavailable', 'unknown', 'offline']);

export const roode = defineAdapter({
  name: 'roode',
  options: z.strictObject({ ...COMMON_OPTIONS }),
  read: (payload, context, _, into) => {
    let memory = memoryOf(context.memory);
    into.each(messagesIn(payload, context), (message) => {
      memory = afterMessage(message, memory, into);
    });
    return JSON.stringify(memory);
  },
});

/** A state is text; a bridge wraps it in JSON, and a device's own automation may send an object. */
function messagesIn(payload: Uint8Array, context: PayloadContext): readonly Published[] {
  const text = textOf(payload);
  if (/^[{[]/.test(text)) return documentsIn(text).map((document) => publishedIn(document, context));
  return [publishedIn(new Field(text), context)];
}

function afterMessage(message: Published, memory: Memory, into: ReadingCollection): Memory {
  const { topic = '', isRetained, receivedMs, body } = message;
  if (body.isObject) {
    addCrossing(body.get('direction'), body, receivedMs, into);
    return memory;
  }
  const state = body.text() ?? '';
  if (topic.endsWith('/command')) return memory;
  if (NO_STATE.has(state.toLowerCase())) return { ...memory, wasOffline: true };
  if (NUMBER.test(topic)) return { ...memory, number: state };
  if (ONE_DIRECTION.test(topic) && /^\d+(?:\.0*)?$/.test(state)) {
    into.skip(body, 'a counter of one direction alone is not counted: publish both counters in one message');
    return memory;
  }
  const direction = DIRECTIONS.get(state.toLowerCase());
  if (direction === undefined || (topic !== '' && !topic.endsWith('/state'))) return memory;
  if (isRetained) {
    into.skip(body, 'a retained message: it was counted when it was published');
    return memory;
  }
  if (memory.wasOffline && memory.number === memory.counted) {
    into.skip(body, 'the last direction, repeated after a reconnect');
    return { ...memory, wasOffline: false };
  }
  into.person({ device: undefined }, body, { timestampMs: receivedMs ?? null, direction });
  return { number: memory.number, counted: memory.number };
}

function addCrossing(direction: Field, message: Field, receivedMs: number | undefined, into: ReadingCollection): void {
  if (!direction.exists) return;
  const text = direction.text()?.toLowerCase();
  const passed =
    DIRECTIONS.get(text) ?? (text === '1' ? 1 : text === '-1' ? -1 : direction.fail('must be Entry, Exit, 1 or -1'));
  const time = message.get('timestamp');
  const id = readingNameOf(message.get('id').text());
  into.person({ device: undefined }, message, {
    timestampMs: time.exists ? timeOf(time) : (receivedMs ?? null),
    direction: passed,
    ...(id === undefined ? {} : { id }),
  });
}

const memorySchema = z.object({
  number: z.string().optional(),
  counted: z.string().optional(),
  wasOffline: z.boolean().optional(),
});

function memoryOf(text: string | undefined): Memory {
  if (text === undefined) return {};
  const [document] = documentsIn(text);
  const parsed = memorySchema.safeParse(document?.value);
  return parsed.success ? parsed.data : {};
}
