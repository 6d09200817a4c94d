// The labels of spaces and doorways: names and external ids, by either of which documents refer to them.
import { nameKey } from './name.ts';

interface Labelled {
  readonly name: string;
  readonly externalId?: string | null | undefined;
}

/** The keys by which documents can refer to a space or a doorway. */
export function labelsOf({ name, externalId = null }: Labelled): string[] {
  return externalId === null ? [nameKey(name)] : [nameKey(name), nameKey(externalId)];
}

/**
 * @param ids by label, of documents that have or had the label
 */
export function called<Id, T extends Labelled & { readonly deleted: boolean }>(
  text: string,
  ids: ReadonlyMap<string, ReadonlySet<Id>>,
  get: (id: Id) => T | undefined,
): T[] {
  const label = nameKey(text);
  return documentsOf(ids.get(label), get).filter((doc) => !doc.deleted && labelsOf(doc).includes(label));
}

/** The documents that exist. */
export function documentsOf<Id, T>(ids: ReadonlySet<Id> | undefined, get: (id: Id) => T | undefined): T[] {
  return [...(ids ?? [])].map(get).filter((doc) => doc !== undefined);
}
