// Webhooks of the Density API version 2: one crossing each, alone or inside `payload` (as its websocket sends them).
//
// A doorway between two spaces gives an event for each of them, with opposite directions. So a DPU is a doorway as
// seen from one space, `<doorway_id>/<space_id>`: place one of the two. `count` is the occupancy after the event, and
// not a number of crossings.
//
// Sources of the format: github.com/DensityCo/bi-tool-eventn, DensityCo/robinpowered-presence,
// DensityCo/hackathon-entrance-announcer.
import { z } from 'zod';
import { COMMON_OPTIONS, defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import { readingNameOf } from './dpu-name.ts';
import { jsonDocuments } from './payload-text.ts';

export const density = defineAdapter({
  name: 'density',
  options: z.strictObject({ ...COMMON_OPTIONS }),
  read: (payload, _, __, into) =>
    into.each(jsonDocuments(payload), (document) => {
      const event = document.get('payload').isObject ? document.get('payload') : document;
      const direction = event.get('direction');
      const text = direction.text();
      if (text !== '1' && text !== '-1')
        return direction.fail(direction.exists ? 'must be 1 or -1' : 'is missing: 1 or -1');
      const device = event.get('doorway_id').requireText('the doorway');
      const id = readingNameOf(event.get('id').text());
      into.person({ device, line: event.get('space_id').text() }, event, {
        timestampMs: timeOf(event.get('timestamp')),
        direction: text === '1' ? 1 : -1,
        ...(id === undefined ? {} : { id }),
      });
    }),
});
