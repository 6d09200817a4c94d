// Lists of what is stored, over all spaces or sensors: as it is, or as it was known. Every answer carries its place.
import type { Context } from 'koa';
import type { KnownLists, StoredKnownAt, StoredPlaces } from '../counts/stored-places.ts';
import { formatStoredPlace } from '../domain/stored-place.ts';

/** Puts the place of the answer into its header. */
export async function readLists(
  ctx: Context,
  places: StoredPlaces,
  { known_at: knownAt }: { readonly known_at?: StoredKnownAt | undefined },
): Promise<Pick<KnownLists, 'view'> & { readonly blocks: readonly number[] | undefined }> {
  const { place, view } = knownAt ? await places.at(knownAt) : await places.now();
  if (place) ctx.set('as-of', formatStoredPlace(place));
  return { view, blocks: place?.blocks };
}
