// Every version of every topology fact, so that a router can ask how readings were attributed at any
// sequence of the TOPOLOGY log: what it has to take back after a move is what it said before it.
import { Failure, invariant } from './failure.ts';
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { addTo } from './lists.ts';
import { digestOf } from './log-mark.ts';
import {
  DEFAULT_SETTINGS,
  type Doorway,
  type Dpu,
  type EpochBegun,
  type Reset,
  type Settings,
  type Space,
  type TopologyEntry,
} from './topology.ts';

interface Version<T> {
  readonly seq: number;
  readonly doc: T;
}

const encoder = new TextEncoder();

type Versions<Id, T> = Map<Id, Version<T>[]>;

/** The topology as it was at one sequence. Deleted documents are in it, marked as such. */
export interface TopologyView {
  readonly seq: number;
  space(id: SpaceId): Space | undefined;
  doorway(id: DoorwayId): Doorway | undefined;
  dpu(id: DpuId): Dpu | undefined;
  spaces(): Space[];
  doorways(): Doorway[];
  dpus(): Dpu[];
  /** In the order they were recorded. */
  resets(spaceId: SpaceId): Reset[];
  settings(): Settings;
  /** The last epoch of the logs that was begun; undefined in the first. */
  epoch(): EpochBegun | undefined;
  /** Doorways that name the space on either side, deleted ones included. */
  doorwaysOf(spaceId: SpaceId): Doorway[];
  /** DPUs with a placement at the doorway, past, present or future. */
  dpusAt(doorwayId: DoorwayId): Dpu[];
}

export class TopologyHistory {
  readonly #spaces: Versions<SpaceId, Space> = new Map();
  readonly #doorways: Versions<DoorwayId, Doorway> = new Map();
  readonly #dpus: Versions<DpuId, Dpu> = new Map();
  readonly #resets = new Map<SpaceId, Version<Reset>[]>();
  readonly #settings: Version<Settings>[] = [];
  readonly #epochs: Version<EpochBegun>[] = [];
  #lastView: TopologyView | undefined;
  readonly #entries: TopologyEntry[] = [];
  /** By entry: the digest of the log up to it. */
  readonly #digests: number[] = [];
  /** Ever named together, in any version: a superset that views filter. */
  readonly #doorwaysBySpace = new Map<SpaceId, Set<DoorwayId>>();
  readonly #dpusByDoorway = new Map<DoorwayId, Set<DpuId>>();
  #seq = 0;

  /** Sequence of the last entry applied; 0 when there is none. */
  get seq(): number {
    return this.#seq;
  }

  apply(entry: TopologyEntry): void {
    invariant(entry.seq > this.#seq, () => `topology entry ${entry.seq} follows ${this.#seq}`);
    this.#seq = entry.seq;
    this.#entries.push(entry);
    const { fact } = entry;
    this.#digests.push(digestOf(encoder.encode(`${entry.seq} ${JSON.stringify(fact)}`), this.#digests.at(-1)));
    switch (fact.kind) {
      case 'space':
        addTo(this.#spaces, fact.doc.id, { seq: entry.seq, doc: fact.doc });
        break;
      case 'doorway':
        addTo(this.#doorways, fact.doc.id, { seq: entry.seq, doc: fact.doc });
        for (const spaceId of [fact.doc.ingressSpaceId, fact.doc.egressSpaceId]) {
          if (spaceId !== null) index(this.#doorwaysBySpace, spaceId, fact.doc.id);
        }
        break;
      case 'dpu':
        addTo(this.#dpus, fact.doc.id, { seq: entry.seq, doc: fact.doc });
        for (const { doorwayId } of fact.doc.placements) {
          if (doorwayId !== null) index(this.#dpusByDoorway, doorwayId, fact.doc.id);
        }
        break;
      case 'reset':
        addTo(this.#resets, fact.doc.spaceId, { seq: entry.seq, doc: fact.doc });
        break;
      case 'settings':
        // A fact of an earlier version may be without some.
        this.#settings.push({ seq: entry.seq, doc: { ...DEFAULT_SETTINGS, ...fact.doc } });
        break;
      case 'epoch':
        this.#epochs.push({ seq: entry.seq, doc: fact.doc });
        break;
    }
  }

  /** Digest of the log up to a sequence; undefined where it has no entry there. Of the empty log it is 0. */
  digestAt(seq: number): number | undefined {
    if (seq === 0) return 0;
    // Sequences are dense but for what never was: the entry is at its place or before it.
    for (let at = Math.min(seq, this.#entries.length) - 1; at >= 0; at--) {
      const entry = this.#entries[at];
      if (entry?.seq === seq) return this.#digests[at];
      if (entry && entry.seq < seq) return undefined;
    }
    return undefined;
  }

  /** Forgets everything: the log is to be followed from its beginning. */
  clear(): void {
    for (const map of [
      this.#spaces,
      this.#doorways,
      this.#dpus,
      this.#resets,
      this.#doorwaysBySpace,
      this.#dpusByDoorway,
    ])
      map.clear();
    for (const list of [this.#settings, this.#epochs, this.#entries, this.#digests]) list.length = 0;
    this.#lastView = undefined;
    this.#seq = 0;
  }

  /** Entries with `after < seq <= upTo`. */
  entries(after: number, upTo: number): TopologyEntry[] {
    let from = this.#entries.length;
    while (from > 0 && (this.#entries[from - 1]?.seq ?? 0) > after) from--;
    return this.#entries.slice(from).filter((entry) => entry.seq <= upTo);
  }

  latest(): TopologyView {
    return this.at(this.#seq);
  }

  at(seq: number): TopologyView {
    // Entries that come later do not change a view; routers ask for the same one at every commit.
    if (this.#lastView?.seq !== seq) this.#lastView = this.#viewAt(seq);
    return this.#lastView;
  }

  #viewAt(seq: number): TopologyView {
    const view: TopologyView = {
      seq,
      space: (id) => atSeq(this.#spaces.get(id), seq),
      doorway: (id) => atSeq(this.#doorways.get(id), seq),
      dpu: (id) => atSeq(this.#dpus.get(id), seq),
      spaces: () => all(this.#spaces, seq),
      doorways: () => all(this.#doorways, seq),
      dpus: () => all(this.#dpus, seq),
      resets: (spaceId) => (this.#resets.get(spaceId) ?? []).filter((v) => v.seq <= seq).map((v) => v.doc),
      settings: () => atSeq(this.#settings, seq) ?? DEFAULT_SETTINGS,
      epoch: () => atSeq(this.#epochs, seq),
      doorwaysOf: (spaceId) =>
        named(this.#doorwaysBySpace.get(spaceId), view.doorway).filter(
          (doorway) => doorway.ingressSpaceId === spaceId || doorway.egressSpaceId === spaceId,
        ),
      dpusAt: (doorwayId) =>
        named(this.#dpusByDoorway.get(doorwayId), view.dpu).filter((dpu) =>
          dpu.placements.some((placement) => placement.doorwayId === doorwayId),
        ),
    };
    return view;
  }
}

/** A document that exists and is not deleted. @throws Failure not_found */
export function existing<T extends { readonly deleted: boolean }>(doc: T | undefined, what: string): T {
  if (doc === undefined || doc.deleted) throw new Failure('not_found', `there is no ${what}`);
  return doc;
}

function index<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

function atSeq<T>(versions: readonly Version<T>[] | undefined, seq: number): T | undefined {
  if (versions === undefined) return undefined;
  for (let position = versions.length - 1; position >= 0; position--) {
    const version = versions[position];
    if (version && version.seq <= seq) return version.doc;
  }
  return undefined;
}

function all<Id, T>(versions: Versions<Id, T>, seq: number): T[] {
  return [...versions.values()].map((list) => atSeq(list, seq)).filter((doc) => doc !== undefined);
}

function named<Id, T>(ids: Set<Id> | undefined, get: (id: Id) => T | undefined): T[] {
  return [...(ids ?? [])].map(get).filter((doc) => doc !== undefined);
}
