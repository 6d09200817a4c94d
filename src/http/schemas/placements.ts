// The schemas of placements.
import { z } from 'zod';
import { id, instant, resource } from './resources.ts';

const placementFields = {
  doorway_id: id('null for no doorway').nullable(),
  from: instant('null for the beginning of time').nullable(),
  to: instant('null for the current placement').nullable(),
};
export const placement = resource(
  'Placement',
  'A sensor was placed at a doorway from `from`, inclusive, to `to`, exclusive',
  placementFields,
);
export const spacePlacement = resource(
  'SpacePlacement',
  'A sensor was placed at a doorway of a space from `from`, inclusive, to `to`, exclusive',
  { dpu_id: z.string(), ...placementFields },
);
