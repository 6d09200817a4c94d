// Documents in all of their versions, each with the sequence of the log from which it is in force.

export interface Version<T> {
  readonly seq: number;
  readonly doc: T;
}

/** By id, the oldest version first. */
export type Versions<Id, T> = Map<Id, Version<T>[]>;

/** @returns the document that the version replaces */
export function addVersion<Id, T, V extends Version<T>>(
  versions: Map<Id, V[]>,
  id: Id,
  version: V & Version<T>,
): T | undefined {
  const list = versions.get(id);
  if (list) return replaceLast(list, version);
  versions.set(id, [version]);
  return undefined;
}

export function replaceLast<T, V extends Version<T>>(list: V[], version: V & Version<T>): T | undefined {
  const before = list.at(-1)?.doc;
  list.push(version);
  return before;
}

export function atSeq<T>(versions: readonly Version<T>[] | undefined, seq: number): T | undefined {
  if (versions === undefined) return undefined;
  for (let position = versions.length - 1; position >= 0; position--) {
    const version = versions[position];
    if (version && version.seq <= seq) return version.doc;
  }
  return undefined;
}

export function versionsUpTo<T>(versions: readonly Version<T>[] = [], seq: number): T[] {
  return versions.filter((version) => version.seq <= seq).map(({ doc }) => doc);
}

export function all<Id, T>(versions: Versions<Id, T>, seq: number): T[] {
  return [...versions.values()].map((list) => atSeq(list, seq)).filter((doc) => doc !== undefined);
}
