// How doorways are described.
import type { Doorway } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { spaceName, spaces } from './live-spaces.ts';

type Sides = Pick<Doorway, 'egress_space_id' | 'ingress_space_id'>;

/** Its name, or its number if there is no such doorway any more. */
export function doorwayName(doorways: ReadonlyMap<number, Doorway> | undefined, id: number | null): string {
  return doorways?.get(id ?? -1)?.name ?? String(id);
}

/** The spaces that it leads out of and into, in direction 1. */
export function leads({ egress_space_id: from, ingress_space_id: to }: Sides): string {
  const nameOf = (id: number | null): string => (id === null ? messages.outside : spaceName(id));
  return `${nameOf(from)} → ${nameOf(to)}`;
}

/** The zone of a space that the doorway leads into or out of; undefined for that of the browser. */
export function zoneOf(doorway: Sides | undefined): string | undefined {
  const id = doorway?.ingress_space_id ?? doorway?.egress_space_id;
  return id === undefined || id === null ? undefined : spaces.value.get(id)?.space.value.time_zone;
}
