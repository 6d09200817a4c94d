/** Maps and lists, and maps of maps, sets and lists. */
export type Container = Map<unknown, unknown> | unknown[];

/** Copies all containers. The values that they hold never change. @param to empty, of the same kind */
export function copyInto(to: Container | undefined, from: Container): void {
  if (Array.isArray(from) && Array.isArray(to)) for (const value of from) to.push(value);
  else if (from instanceof Map && to instanceof Map) for (const [key, value] of from) to.set(key, copyOf(value));
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...(value as unknown[])];
  if (value instanceof Set) return new Set(value);
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, copyOf(inner)]));
  return value;
}
