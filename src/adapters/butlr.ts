// Webhooks of Butlr: events of the type TRAFFIC. They are delivered at least once, in any order, and are identified
// by their id. Events of the occupancy types repeat and correct a window of five minutes, and are not crossings.
//
// The payload names the room (or the floor) rather than the sensor, so the room is the DPU.
//
// Sources of the format: docs.butlr.io (webhooks overview, human traffic), github.com/api-evangelist/butlr
// (asyncapi).
import { z } from 'zod';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import { readingNameOf } from './dpu-name.ts';
import { jsonDocuments } from './payload-text.ts';

export const butlr = defineAdapter({
  name: 'butlr',
  options: z.strictObject({ ...COMMON_OPTIONS }),
  read: (payload, _, __, into) =>
    into.each(jsonDocuments(payload), (event) => {
      if (event.get('type').requireText('the type of the event') !== 'TRAFFIC') return;
      const data = event.get('data');
      const [entrances, exits] = [data.get('in').count(), data.get('out').count()];
      const id = readingNameOf(event.get('id').requireText('the id of the event'));
      if (id === undefined) return event.get('id').fail('is longer than an id may be');
      if (entrances + exits === 0) return;
      const device = event.get('metadata').first('room_id', 'floor_id').text();
      into.people({ device }, event, { timestampMs: timeOf(event.get('timestamp')), id, entrances, exits });
    }),
});
