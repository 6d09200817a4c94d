// Documents in all of their versions, each with the sequence of the log from which it is in force.

export interface Version<T> {
  readonly seq: number;
  readonly doc: T;
}

/** The only version of a document, or several, the oldest first. Most documents have one, which needs no list. */
export type OneOrMore<V> = V | readonly V[];

/** By id. */
export type Versions<Id, T, V extends Version<T> = Version<T>> = Map<Id, V | V[]>;

/** @returns the document that the version replaces */
export function addVersion<Id, T, V extends Version<T>>(
  versions: Versions<Id, T, V>,
  id: Id,
  version: V & Version<T>,
): T | undefined {
  const present = versions.get(id);
  if (present instanceof Array) return replaceLast(present, version);
  versions.set(id, present === undefined ? version : [present, version]);
  return present?.doc;
}

/** The oldest first. */
export function versionsOf<T, V extends Version<T>>(versions: OneOrMore<V> | undefined): readonly V[] {
  if (versions === undefined) return [];
  return versions instanceof Array ? versions : [versions];
}

export function replaceLast<T, V extends Version<T>>(list: V[], version: V & Version<T>): T | undefined {
  const before = list.at(-1)?.doc;
  list.push(version);
  return before;
}

export function atSeq<T>(versions: OneOrMore<Version<T>> | undefined, seq: number): T | undefined {
  if (versions === undefined) return undefined;
  if (!(versions instanceof Array)) return versions.seq <= seq ? versions.doc : undefined;
  for (let position = versions.length - 1; position >= 0; position--) {
    const version = versions[position];
    if (version && version.seq <= seq) return version.doc;
  }
  return undefined;
}

export function versionsUpTo<T>(versions: OneOrMore<Version<T>> | undefined, seq: number): T[] {
  return versionsOf(versions)
    .filter(({ seq: since }) => since <= seq)
    .map(({ doc }) => doc);
}

export function all<Id, T>(versions: Versions<Id, T>, seq: number): T[] {
  return [...versions.values()].map((each) => atSeq(each, seq)).filter((doc) => doc !== undefined);
}
