// What a device sent, as `GET /dpus/{id}/messages` returns it.
import { z } from 'zod';
import { count, instant, resource } from './resources.ts';

export const sentMessage = resource('SentMessage', 'A message as the device sent it', {
  sequence: z.int().min(1).meta({ description: 'its place in the log READINGS' }),
  stored_at: instant('when it arrived'),
  subject: z.string().meta({ description: 'the NATS subject to which it was published' }),
  bytes: count('its length in bytes'),
  text: z.string().meta({ description: 'its beginning; bytes that are not UTF-8 are replaced' }),
  cut: z.boolean().meta({ description: 'true if `text` is only the beginning' }),
});
