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

export class TopologyEdits {
  readonly #edits: Edit[] = [];

  get length(): number {
    return this.#edits.length;
  }

  /** @param position from 0, in the order of the log */
  at(position: number): Edit | undefined {
    return this.#edits[position];
  }

  /** The position of the first edit at or after a place in the log. */
  positionOf({ seq, index }: EditPlace): number {
    let [from, to] = [0, this.#edits.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const edit = this.#edits[middle];
      if (edit && (edit.entry.seq < seq || (edit.entry.seq === seq && edit.index < index))) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  add(edit: Edit): void {
    this.#edits.push(edit);
  }

  clear(): void {
    this.#edits.length = 0;
  }
}

/** Who made a change, null if an earlier version recorded it, and when. */
export function signatureOf({ fact, storedMs = 0 }: TopologyEntry): {
  readonly by: Author | null;
  readonly atMs: number;
} {
  return { by: fact.by ?? null, atMs: fact.atMs ?? storedMs };
}
