// What each fact of the topology log replaced, in the order of the log, so that an audit is read from memory. Each edit refers to
// documents that the history holds anyway.
import type { Author, Reset, SingleFact, TopologyEntry } from './topology.ts';

export type EditedKind = SingleFact['kind'];
/** A fact as this version writes it. */
export type WholeFact = Exclude<SingleFact, { kind: 'reset' }> | { readonly kind: 'reset'; readonly doc: Reset };

interface EditOf<Kind extends EditedKind> {
  readonly kind: Kind;
  readonly entry: TopologyEntry;
  /** Position of the fact in its entry; 0 unless the entry is a batch. */
  readonly index: number;
  /** Undefined for a new thing. May be marked as deleted, as `after` may. */
  readonly before: Extract<WholeFact, { kind: Kind }>['doc'] | undefined;
  readonly after: Extract<WholeFact, { kind: Kind }>['doc'];
}
export type Edit = { [Kind in EditedKind]: EditOf<Kind> }[EditedKind];

/** Where an edit is in the log. */
export interface EditPlace {
  readonly seq: number;
  readonly index: number;
}

/** An array for each field, and not an object for each edit, of which a fleet has several hundred thousand. */
export class TopologyEdits {
  readonly #kinds: EditedKind[] = [];
  readonly #entries: TopologyEntry[] = [];
  readonly #indexes: number[] = [];
  readonly #befores: Edit['before'][] = [];
  readonly #afters: Edit['after'][] = [];

  get length(): number {
    return this.#entries.length;
  }

  /** @param position from 0, in the order of the log */
  at(position: number): Edit | undefined {
    const [kind, entry, after] = [this.#kinds[position], this.#entries[position], this.#afters[position]];
    if (kind === undefined || entry === undefined || after === undefined) return undefined;
    return { kind, entry, index: this.#indexes[position] ?? 0, before: this.#befores[position], after } as Edit;
  }

  /** The position of the first edit at or after a place in the log. */
  positionOf({ seq, index }: EditPlace): number {
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const [seqThere = 0, indexThere = 0] = [this.#entries[middle]?.seq, this.#indexes[middle]];
      if (seqThere < seq || (seqThere === seq && indexThere < index)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  add({ kind, entry, index, before, after }: Edit): void {
    this.#kinds.push(kind);
    this.#entries.push(entry);
    this.#indexes.push(index);
    this.#befores.push(before);
    this.#afters.push(after);
  }

  clear(): void {
    for (const field of [this.#kinds, this.#entries, this.#indexes, this.#befores, this.#afters]) field.length = 0;
  }
}

/** Who made a change, null if an earlier version recorded it, and when. */
export function signatureOf({ fact, storedMs = 0 }: TopologyEntry): {
  readonly by: Author | null;
  readonly atMs: number;
} {
  return { by: fact.by ?? null, atMs: fact.atMs ?? storedMs };
}
