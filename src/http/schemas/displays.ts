// The schemas of displays and of pairing them.
import { z } from 'zod';
import { BODIES } from './bodies.ts';
import { spaceId } from './fields.ts';
import { id, instant, resource } from './resources.ts';

export const display = resource('Display', 'A screen that may show the count of one space', {
  id: z.string().meta({ description: 'assigned by the service; not secret' }),
  space_id: id('the space whose count it shows'),
  name: z.string().nullable().meta({ description: 'what people call it' }),
  paired_at: instant('when it was confirmed'),
  paired_by: z.string().nullable().meta({ description: 'whose token confirmed it; null where none are needed' }),
});

export const displayedSpace = resource('DisplayedSpace', 'What a display shows beside the count of its space', {
  space_id: id('the space'),
  name: z.string(),
  capacity: z.int().min(0).nullable().meta({ description: 'how many people the space is for' }),
});

export const pairing = resource('Pairing', 'Whether a display is paired, or the code that it shows', {
  space_id: id('the space in the address of the display'),
  paired: z.boolean(),
  code: z.string().nullable().meta({ description: 'to be confirmed; null once it is paired' }),
  expires_at: instant('when the code stops being valid; null once it is paired').nullable(),
});

export const pairingBody = z
  .strictObject({ space_id: spaceId.meta({ description: 'the space in the address of the display' }) })
  .register(BODIES, { id: 'PairingBody' });

export const displayBody = z
  .strictObject({
    code: z
      .string('must be text')
      .max(20, 'is too long')
      .meta({
        description: 'what the display shows; upper or lower case, with or without the hyphen',
        examples: ['BCD-FGH'],
      }),
    name: z
      .string('must be text')
      .trim()
      .min(1, 'must not be empty')
      .max(100, 'must have at most 100 characters')
      .nullable()
      .optional()
      .meta({ description: 'what you call it, to recognise it later', examples: ['Entrance'] }),
    dry_run: z
      .boolean('must be true or false')
      .optional()
      .meta({ description: 'true: tell the space, and change nothing' }),
  })
  .register(BODIES, { id: 'DisplayBody' });
