import type { Profile } from '../../src/counts/profiles.ts';

/** What the oracle of profiles knows, in its form. */
export function profileTerms({ entrances, exits, peak, hours }: Profile): object {
  return {
    entrances,
    exits,
    peak,
    hours: hours.map((hour) => ({ ...hour, times: [...hour.times].sort(([a], [b]) => a - b) })),
  };
}
