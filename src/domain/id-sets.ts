// Sets of ids by a key, where most keys have a single id. That one is kept without a set, which would take more memory than
// all else that is known about most things.

/** By key: an id, or several. */
export type IdSets<Key, Id extends string | number> = Map<Key, Id | Set<Id>>;

export function addId<Key, Id extends string | number>(sets: IdSets<Key, Id>, key: Key, id: Id): void {
  const before = sets.get(key);
  if (before === undefined) sets.set(key, id);
  else if (before instanceof Set) before.add(id);
  else if (before !== id) sets.set(key, new Set([before, id]));
}

/** In the order in which they were added. */
export function idsUnder<Key, Id extends string | number>(sets: IdSets<Key, Id>, key: Key): readonly Id[] {
  const ids = sets.get(key);
  if (ids === undefined) return [];
  return ids instanceof Set ? [...ids] : [ids];
}
