/** Adds to the list of a key, which the first begins. */
export function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const before = lists.get(key);
  if (before) before.push(value);
  else lists.set(key, [value]);
}
