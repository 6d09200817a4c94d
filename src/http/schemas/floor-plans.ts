// Floor plans as clients send and get them.
import { z } from 'zod';
import { BODIES, space } from './bodies.ts';
import { doorwayId, field, spaceId } from './fields.ts';
import { count, id, instant, resource } from './resources.ts';

const [SPACES_MAX, DOORWAYS_MAX, POINTS_MIN, POINTS_MAX] = [200, 500, 3, 50];
const PLAN_ID = '^[a-z0-9][a-z0-9-]{0,39}$';

export const planIdInPath = field(
  {
    type: 'string',
    pattern: PLAN_ID,
    description: 'chosen by the client that creates the plan',
    examples: ['ground-floor'],
  },
  'must be 1 to 40 lower-case letters, digits and hyphens, and not begin with a hyphen',
  (value) => (typeof value === 'string' && new RegExp(PLAN_ID).test(value) ? value : undefined),
);

/** Functions, because a schema may be used in only one place. */
const fraction = (of: string) =>
  z
    .number('must be a number')
    .min(0, 'must be from 0 to 1')
    .max(1, 'must be from 0 to 1')
    .meta({ description: `as a fraction of the image's ${of}` });
const point = () => ({ x: fraction('width, from the left'), y: fraction('height, from the top') });
const polygon = () =>
  z
    .array(z.strictObject(point()))
    .min(POINTS_MIN, `must have at least ${POINTS_MIN} points`)
    .max(POINTS_MAX, `must have at most ${POINTS_MAX} points`)
    .meta({ description: 'the corners of its outline, in order' });

export const floorPlan = resource('FloorPlan', 'An image on which spaces and doorways are drawn', {
  id: z.string().meta({ description: 'chosen by the client that created the plan' }),
  name: z.string().meta({ description: 'what people call it' }),
  image: z
    .strictObject({
      type: z.enum(['image/png', 'image/jpeg', 'image/webp']),
      width: count('in pixels'),
      height: count('in pixels'),
      bytes: count('its length'),
      version: z.string().meta({ description: 'another one after each upload' }),
    })
    .nullable()
    .meta({ description: 'null until one is uploaded' }),
  spaces: z.array(z.strictObject({ space_id: id('the space'), points: polygon() })),
  doorways: z.array(z.strictObject({ doorway_id: id('the doorway'), ...point() })),
  updated_at: instant('when it was last changed'),
});

export const floorPlanBody = z
  .strictObject({
    name: space.name.meta({ description: 'what people call it', examples: ['Ground floor'] }),
    spaces: z
      .array(z.strictObject({ space_id: spaceId.meta({ description: 'the space' }), points: polygon() }))
      .max(SPACES_MAX, `must be at most ${SPACES_MAX}`)
      .default([])
      .meta({ description: 'where spaces are, each at most once' }),
    doorways: z
      .array(z.strictObject({ doorway_id: doorwayId.meta({ description: 'the doorway' }), ...point() }))
      .max(DOORWAYS_MAX, `must be at most ${DOORWAYS_MAX}`)
      .default([])
      .meta({ description: 'where doorways are, each at most once' }),
  })
  .register(BODIES, { id: 'FloorPlanBody' });
