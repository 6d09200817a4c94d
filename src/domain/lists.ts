// Maps of lists.

/** Appends a value to the list under a key, creating the list if there is none. */
export function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const before = lists.get(key);
  if (before) before.push(value);
  else lists.set(key, [value]);
}
