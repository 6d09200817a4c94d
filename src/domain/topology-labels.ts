// The labels of spaces and doorways: names and external ids, by either of which documents refer to them.
import { idsUnder, type IdSets } from './id-sets.ts';
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
export function called<Id extends string | number, T extends Labelled & { readonly deleted: boolean }>(
  text: string,
  ids: IdSets<string, Id>,
  get: (id: Id) => T | undefined,
): T[] {
  const label = nameKey(text);
  return documentsOf(idsUnder(ids, label), get).filter((doc) => !doc.deleted && labelsOf(doc).includes(label));
}

/** The documents that exist. */
export function documentsOf<Id, T>(ids: readonly Id[], get: (id: Id) => T | undefined): T[] {
  return ids.map(get).filter((doc) => doc !== undefined);
}
