// The doorways, for their names.
import { allPages, api, bodyOf } from './client.ts';
import type { Doorway } from './types.ts';

export async function loadDoorways(): Promise<ReadonlyMap<number, Doorway>> {
  const found = await allPages(async (query) => bodyOf(api.GET('/doorways', { params: { query } })));
  return new Map(found.map((doorway) => [doorway.id, doorway]));
}
