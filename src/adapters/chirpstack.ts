// Uplink events of ChirpStack 4 and 3 (HTTP integration, MQTT) with the decoded object of a Milesight people counter.
// Fields with default values are omitted. Other events (join, status, ack, log) have no counts and are ignored.
//
// Sources of the format: github.com/chirpstack/chirpstack-docs (integrations/events.md, mqtt.md); version 3 has the
// device's EUI in Base64 and may have the object as text.
import type { PayloadContext } from './adapter.ts';
import { defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import type { Field } from './field.ts';
import { addUplink, uplinkOptions } from './milesight-uplink.ts';
import { documentsIn, jsonDocuments } from './payload-text.ts';

export const chirpstack = defineAdapter({
  name: 'chirpstack',
  options: uplinkOptions,
  read: (payload, context, options, into) =>
    into.each(jsonDocuments(payload), (event) => {
      if (!isUplink(event, context)) return;
      const object = objectOf(event);
      if (!object.exists)
        return event.get('object').fail('is missing: the device profile has no codec, so counts are undecoded');
      const time = event.first('time', 'publishedAt');
      const received = time.exists ? time : event.get('rxInfo').items()[0]?.first('time', 'gwTime');
      const device = euiOf(event.get('deviceInfo').get('devEui').text() ?? event.get('devEUI').text());
      addUplink({ device, receivedMs: received?.exists ? timeOf(received) : null, object }, options, into);
    }),
});

/** True for an event with application data, decoded or not. */
function isUplink(event: Field, { topic = '' }: PayloadContext): boolean {
  const type = /\bevent\/(\w+)$/.exec(topic)?.[1];
  if (type !== undefined && type !== 'up') return false;
  return event.get('data').text() !== undefined || objectOf(event).exists;
}

function objectOf(event: Field): Field {
  const text = event.get('objectJSON').text();
  return text === undefined ? event.get('object') : (documentsIn(text)[0] ?? event.get('object'));
}

/** Version 3 has eight bytes in Base64, which are converted to hexadecimal digits. */
function euiOf(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z0-9+/]{11}=$/.test(text) ? Buffer.from(text, 'base64').toString('hex') : text;
}
