// The doorways, for their names.
import { allPages, api, bodyOf } from './client.ts';
import type { Doorway } from './types.ts';

export const loadDoorways = async (): Promise<ReadonlyMap<number, Doorway>> => load({});

/** Those that lead into a space or out of it. */
export const loadDoorwaysOf = async (spaceId: number): Promise<ReadonlyMap<number, Doorway>> =>
  load({ filter: `ingress_space_id = ${spaceId} or egress_space_id = ${spaceId}` });

async function load(which: { readonly filter?: string }): Promise<ReadonlyMap<number, Doorway>> {
  const found = await allPages(async (paging) =>
    bodyOf(api.GET('/doorways', { params: { query: { ...paging, ...which } } })),
  );
  return new Map(found.map((doorway) => [doorway.id, doorway]));
}
