// The schemas of dead letters and of their replay.
import { z } from 'zod';
import { REJECT_REASONS } from '../../domain/reading.ts';
import { count, instant, resource } from './resources.ts';

export const deadLetter = resource('DeadLetter', 'Items of one message that could not be used, for one reason', {
  id: z.string().meta({ description: '`<reason>.<readings_seq>.<index>`', examples: ['future.4711.0'] }),
  stored_at: instant('when it became a dead letter'),
  arrived_at: instant('when the message arrived'),
  dpu_id: z.string().meta({ description: 'the sensor named by its subject, or the text in its place' }),
  reason: z.enum(REJECT_REASONS),
  detail: z.string().meta({ description: 'why the first of the items was rejected' }),
  subject: z
    .string()
    .meta({ description: 'subject of the message in READINGS: `readings.<partition>.<the part after dpu.>`' }),
  readings_seq: count('sequence of the message in READINGS'),
  index: count('index of the first of the items in the message'),
  items: count('the number of items that it represents'),
  cut: z.boolean().meta({ description: 'true if it holds only a part of the items; such a letter cannot be replayed' }),
  bytes: count('length of its content in bytes'),
  text: z
    .string()
    .meta({ description: 'the beginning of its content: an item as it was sent, or an array of several' }),
  replayed: z
    .strictObject({
      at: instant('when it was first replayed'),
      shift: z.int().meta({ description: 'milliseconds that were added to its timestamps' }),
      dpu_id: z.string().nullable().meta({ description: 'the sensor for which its readings were sent, if it differs' }),
    })
    .nullable()
    .meta({ description: 'null if it was not replayed' }),
});

export const replay = resource('Replay', 'The result of replaying dead letters', {
  letters: count('dead letters that were selected'),
  replayed: count('readings that were sent again, including those of an earlier replay, which have no effect'),
  not_replayed_count: count(
    'items that were not sent, because they would be rejected again or were replayed differently',
  ),
  not_replayed: z
    .array(
      z.strictObject({
        id: z.string().meta({ description: 'id of the dead letter' }),
        items: count('the number of its items that were not sent'),
        detail: z.string().meta({ description: 'why not' }),
      }),
    )
    .meta({ description: 'the first 100 letters with such items' }),
  dry_run: z.boolean().meta({ description: 'true if nothing was sent' }),
});
