// Lists, and maps of lists.

/** Appends a value to the list under a key, creating the list if there is none. */
export function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const before = lists.get(key);
  if (before) before.push(value);
  else lists.set(key, [value]);
}

export function addToSet<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

/** Undefined if there is none. Not Math.min(...): there may be more values than a call takes arguments. */
export function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((found, value) => Math.min(found, value), Infinity);
}

export function greatest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((found, value) => Math.max(found, value), -Infinity);
}
