// Keeps every version of every topology fact, because a router must know how it attributed readings at an earlier
// sequence of the TOPOLOGY log: after a move it retracts exactly what it asserted before.
import { copyInto, type Container } from './copy-into.ts';
import { Failure, invariant } from './failure.ts';
import { addId, idsUnder, type IdSets } from './id-sets.ts';
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { mergedSpans, type Span } from './placement.ts';
import { identityOf, type Reading } from './reading.ts';
import { called, documentsOf, labelsOf } from './topology-labels.ts';
import { TopologyEdits, type Edit, type WholeFact } from './topology-edits.ts';
import {
  appliesAfterMs,
  DEFAULT_SETTINGS,
  type Deletion,
  type Device,
  type Doorway,
  type Dpu,
  type EpochBegun,
  type Exclusion,
  type Reset,
  type ResetWithoutId,
  factsOf,
  type Settings,
  type SingleFact,
  type Space,
  type TopologyEntry,
} from './topology.ts';
import { TopologyEntries } from './topology-entries.ts';
import {
  addVersion,
  all,
  atSeq,
  type OneOrMore,
  replaceLast,
  versionsOf,
  versionsUpTo,
  type Version,
  type Versions,
} from './versions.ts';

interface DeviceVersion extends Version<Device> {
  /** Applies to payloads that were stored after it. */
  readonly afterMs: number;
}

const NO_SPANS: readonly Span[] = [];

/** The topology as of one sequence of the log. Includes deleted documents, which are marked as such. */
export interface TopologyView {
  readonly seq: number;
  space(id: SpaceId): Space | undefined;
  doorway(id: DoorwayId): Doorway | undefined;
  dpu(id: DpuId): Dpu | undefined;
  spaces(): Space[];
  doorways(): Doorway[];
  dpus(): Dpu[];
  /** The exclusions of a DPU in the order of recording, deleted ones included. */
  exclusions(dpuId: DpuId): Exclusion[];
  /** When the readings of a DPU are excluded, merged and ascending. */
  excludedSpans(dpuId: DpuId): readonly Span[];
  isDeleted(reading: Reading): boolean;
  /** The deletion of a reading that is in force. @param readingId as returned by `identityOf` */
  deletion(dpuId: DpuId, readingId: string): Deletion | undefined;
  /** All deletions in force. */
  deletions(): Deletion[];
  /** The number of deletions ever recorded. */
  deletionsRecorded(): number;
  device(id: DpuId): Device | undefined;
  devices(): Device[];
  /** A space's manual resets without deleted ones, in the order in which they were recorded or last changed. */
  resets(spaceId: SpaceId): readonly Reset[];
  /** The highest id that a reset of the space ever had; 0 if it had none. */
  lastResetId(spaceId: SpaceId): number;
  settings(): Settings;
  /** Spaces with this name or external id that are not deleted. At most one, unless an earlier version wrote them. */
  spacesCalled(label: string): Space[];
  doorwaysCalled(label: string): Doorway[];
  /** The highest id assigned; 0 if none. */
  lastSpaceId(): number;
  lastDoorwayId(): number;
  /** The latest epoch of the logs; undefined in the first one. */
  epoch(): EpochBegun | undefined;
  /** Doorways with the space on either side, deleted ones included. */
  doorwaysOf(spaceId: SpaceId): Doorway[];
  /** DPUs with a placement at the doorway, past, present or future. */
  dpusAt(doorwayId: DoorwayId): Dpu[];
}

export class TopologyHistory {
  readonly #spaces: Versions<SpaceId, Space> = new Map();
  readonly #doorways: Versions<DoorwayId, Doorway> = new Map();
  readonly #dpus: Versions<DpuId, Dpu> = new Map();
  readonly #exclusions = new Map<DpuId, Versions<number, Exclusion>>();
  readonly #deletions = new Map<DpuId, Versions<string, Deletion>>();
  /** The sequences of all deletions, without those of restorations. */
  readonly #deletionSeqs: number[] = [];
  readonly #devices: Versions<DpuId, Device, DeviceVersion> = new Map();
  /** All versions of the resets of a space, in the order of the log. */
  readonly #resets: Versions<SpaceId, Reset> = new Map();
  /** The last version of each reset. */
  readonly #resetsById = new Map<SpaceId, Map<number, Reset>>();
  readonly #settings: Version<Settings>[] = [];
  readonly #epochs: Version<EpochBegun>[] = [];
  #lastView: TopologyView | undefined;
  readonly #entries = new TopologyEntries();
  /** What each fact changed. In a history made by `supposing`, only its additional facts. */
  readonly edits = new TopologyEdits();
  /** Indexes over all versions: a superset that views filter. */
  readonly #doorwaysBySpace: IdSets<SpaceId, DoorwayId> = new Map();
  readonly #dpusByDoorway: IdSets<DoorwayId, DpuId> = new Map();
  readonly #spacesByLabel: IdSets<string, SpaceId> = new Map();
  readonly #doorwaysByLabel: IdSets<string, DoorwayId> = new Map();
  /** Ids that were higher than all previous ones. */
  readonly #spaceIds: Version<number>[] = [];
  readonly #doorwayIds: Version<number>[] = [];
  #seq = 0;

  /** Sequence of the last entry applied; 0 if none. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * Applies the next entry of the log.
   * @param bytes the JSON of its fact, if the caller has it anyway
   * @throws InvariantViolation if its sequence does not ascend
   */
  apply(entry: TopologyEntry, bytes?: Uint8Array): void {
    invariant(entry.seq > this.#seq, () => `topology entry ${entry.seq} was read after ${this.#seq}`);
    this.#seq = entry.seq;
    this.#entries.add(entry, bytes);
    for (const [index, fact] of factsOf(entry.fact).entries()) {
      const whole = this.#whole(fact);
      const before = this.#applyFact(whole, entry);
      this.edits.add({ kind: whole.kind, entry, index, before, after: whole.doc } as Edit);
    }
  }

  /** @returns the document that the fact replaces */
  #applyFact(fact: WholeFact, { seq, storedMs = 0 }: TopologyEntry): Edit['before'] {
    switch (fact.kind) {
      case 'space':
        for (const label of labelsOf(fact.doc)) addId(this.#spacesByLabel, label, fact.doc.id);
        addHigher(this.#spaceIds, seq, fact.doc.id);
        return addVersion(this.#spaces, fact.doc.id, { seq, doc: fact.doc });
      case 'doorway':
        for (const label of labelsOf(fact.doc)) addId(this.#doorwaysByLabel, label, fact.doc.id);
        addHigher(this.#doorwayIds, seq, fact.doc.id);
        for (const spaceId of [fact.doc.ingressSpaceId, fact.doc.egressSpaceId]) {
          if (spaceId !== null) addId(this.#doorwaysBySpace, spaceId, fact.doc.id);
        }
        return addVersion(this.#doorways, fact.doc.id, { seq, doc: fact.doc });
      case 'dpu':
        for (const { doorwayId } of fact.doc.placements) {
          if (doorwayId !== null) addId(this.#dpusByDoorway, doorwayId, fact.doc.id);
        }
        return addVersion(this.#dpus, fact.doc.id, { seq, doc: fact.doc });
      case 'exclusion': {
        const ofDpu = this.#exclusions.get(fact.doc.dpuId) ?? new Map<number, Version<Exclusion>>();
        this.#exclusions.set(fact.doc.dpuId, ofDpu);
        return addVersion(ofDpu, fact.doc.id, { seq, doc: fact.doc });
      }
      case 'deletion': {
        const ofDpu = this.#deletions.get(fact.doc.dpuId) ?? new Map<string, Version<Deletion>>();
        this.#deletions.set(fact.doc.dpuId, ofDpu);
        if (!fact.doc.restored) this.#deletionSeqs.push(seq);
        return addVersion(ofDpu, fact.doc.readingId, { seq, doc: fact.doc });
      }
      case 'device': {
        const version = { seq, doc: fact.doc, afterMs: appliesAfterMs(fact, storedMs) };
        return addVersion(this.#devices, fact.doc.id, version);
      }
      case 'reset': {
        const current = this.#resetsById.get(fact.doc.spaceId) ?? new Map<number, Reset>();
        const before = current.get(fact.doc.id);
        this.#resetsById.set(fact.doc.spaceId, current.set(fact.doc.id, fact.doc));
        addVersion(this.#resets, fact.doc.spaceId, { seq, doc: fact.doc });
        return before;
      }
      case 'settings':
        return replaceLast(this.#settings, { seq, doc: fact.doc });
      case 'epoch':
        return replaceLast(this.#epochs, { seq, doc: fact.doc });
    }
  }

  /** Adds the fields that facts of earlier versions lack. */
  #whole(fact: SingleFact): WholeFact {
    if (fact.kind === 'settings') return { ...fact, doc: { ...DEFAULT_SETTINGS, ...fact.doc } };
    return fact.kind === 'reset' ? { ...fact, doc: this.#identified(fact.doc) } : fact;
  }

  /** Earlier versions stored resets without an id, and never changed them. */
  #identified(doc: Reset | ResetWithoutId): Reset {
    if ('id' in doc) return doc;
    return {
      ...doc,
      id: versionsOf(this.#resets.get(doc.spaceId)).length + 1,
      updatedMs: doc.recordedMs,
      deleted: false,
    };
  }

  /**
   * Digest of the log up to and including a sequence; undefined if it has no entry there. The empty log's digest is 0.
   */
  digestAt(seq: number): number | undefined {
    return this.#entries.digestAt(seq);
  }

  /** Empties the history, so that the log can be followed from its beginning. */
  clear(): void {
    for (const container of this.#containers()) {
      if (Array.isArray(container)) container.length = 0;
      else container.clear();
    }
    this.#entries.clear();
    this.edits.clear();
    this.#lastView = undefined;
    this.#seq = 0;
  }

  /** All facts and the indexes over them, in a fixed order. A copy needs everything here. */
  #containers(): Container[] {
    return [
      ...[this.#spaces, this.#doorways, this.#dpus, this.#exclusions, this.#deletions, this.#devices, this.#resets],
      this.#resetsById,
      ...[this.#doorwaysBySpace, this.#dpusByDoorway, this.#spacesByLabel, this.#doorwaysByLabel],
      ...[this.#settings, this.#epochs, this.#deletionSeqs, this.#spaceIds, this.#doorwayIds],
    ];
  }

  /** Entries with `after < seq <= upTo`. */
  entries(after: number, upTo: number): TopologyEntry[] {
    return this.#entries.between(after, upTo);
  }

  /** Sequence of the newest entry that was stored at or before an instant, by the log's clock; 0 if there is none. */
  seqStoredBy(atMs: number): number {
    return this.#entries.seqStoredBy(atMs);
  }

  /**
   * The configuration of a device when something else was stored; undefined if there was none, or it was deleted.
   * @param atMs by the log's clock
   */
  deviceAt(id: DpuId, atMs: number): Device | undefined {
    const doc = versionsOf(this.#devices.get(id)).findLast(({ afterMs }) => afterMs < atMs)?.doc;
    return doc?.deleted ? undefined : doc;
  }

  /** The entry that recorded a reset, or changed it, as a view returned it; undefined if this history does not have it. */
  entryOfReset(reset: Reset): TopologyEntry | undefined {
    const seq = versionsOf(this.#resets.get(reset.spaceId)).findLast(({ doc }) => doc === reset)?.seq;
    const entry = seq === undefined ? undefined : this.edits.at(this.edits.positionOf({ seq, index: 0 }))?.entry;
    return entry?.seq === seq ? entry : undefined;
  }

  /** All DPUs ever registered, in the order of the log. Goes on with those that are registered meanwhile. */
  dpuIds(): Iterator<DpuId, undefined> {
    return this.#dpus.keys();
  }

  /** A doorway as it was recorded each time up to a sequence, the oldest version first. */
  doorwayVersions(id: DoorwayId, seq: number): Doorway[] {
    return versionsUpTo(this.#doorways.get(id), seq);
  }

  /** Likewise of a DPU. */
  dpuVersions(id: DpuId, seq: number): Dpu[] {
    return versionsUpTo(this.#dpus.get(id), seq);
  }

  /** A history that also has the given facts, as if they were the next entry of the log. This one stays as it is. */
  supposing(facts: readonly SingleFact[]): TopologyHistory {
    const copy = new TopologyHistory();
    const copies = copy.#containers();
    for (const [n, container] of this.#containers().entries()) copyInto(copies[n], container);
    copy.#seq = this.#seq;
    if (facts.length > 0) copy.apply({ seq: this.#seq + 1, fact: { kind: 'batch', doc: facts } });
    return copy;
  }

  latest(): TopologyView {
    return this.at(this.#seq);
  }

  at(seq: number): TopologyView {
    // Cached, because routers ask for the same view at every commit. Later entries do not change it.
    if (this.#lastView?.seq !== seq) this.#lastView = this.#viewAt(seq);
    return this.#lastView;
  }

  #viewAt(seq: number): TopologyView {
    const excluded = new Map<DpuId, readonly Span[]>();
    const resets = new Map<SpaceId, readonly Reset[]>();
    const view: TopologyView = {
      seq,
      space: (id) => atSeq(this.#spaces.get(id), seq),
      doorway: (id) => atSeq(this.#doorways.get(id), seq),
      dpu: (id) => atSeq(this.#dpus.get(id), seq),
      exclusions: (dpuId) => all(this.#exclusions.get(dpuId) ?? new Map<number, Version<Exclusion>>(), seq),
      excludedSpans: (dpuId) => {
        // Called for every reading. Most DPUs have none.
        if (!this.#exclusions.has(dpuId)) return NO_SPANS;
        let spans = excluded.get(dpuId);
        if (!spans) excluded.set(dpuId, (spans = mergedSpans(view.exclusions(dpuId).filter((each) => !each.deleted))));
        return spans;
      },
      isDeleted: (reading) => {
        // Called for every reading. Most DPUs have no deletions.
        const ofDpu = this.#deletions.get(reading.dpuId);
        return ofDpu !== undefined && inForce(ofDpu.get(identityOf(reading)), seq) !== undefined;
      },
      deletion: (dpuId, readingId) => inForce(this.#deletions.get(dpuId)?.get(readingId), seq),
      deletions: () =>
        [...this.#deletions.values()].flatMap((ofDpu) => all(ofDpu, seq).filter(({ restored }) => !restored)),
      deletionsRecorded: () => this.#deletionSeqs.findLastIndex((recorded) => recorded <= seq) + 1,
      device: (id) => atSeq(this.#devices.get(id), seq),
      spaces: () => all(this.#spaces, seq),
      doorways: () => all(this.#doorways, seq),
      dpus: () => all(this.#dpus, seq),
      devices: () => all(this.#devices, seq),
      resets: (spaceId) => {
        // Every count needs them, and a space may have very many.
        let current = resets.get(spaceId);
        if (!current) resets.set(spaceId, (current = currentResets(versionsOf(this.#resets.get(spaceId)), seq)));
        return current;
      },
      lastResetId: (spaceId) => lastIdIn(versionsOf(this.#resets.get(spaceId)).filter((version) => version.seq <= seq)),
      settings: () => atSeq(this.#settings, seq) ?? DEFAULT_SETTINGS,
      spacesCalled: (label) => called(label, this.#spacesByLabel, view.space),
      doorwaysCalled: (label) => called(label, this.#doorwaysByLabel, view.doorway),
      lastSpaceId: () => atSeq(this.#spaceIds, seq) ?? 0,
      lastDoorwayId: () => atSeq(this.#doorwayIds, seq) ?? 0,
      epoch: () => atSeq(this.#epochs, seq),
      doorwaysOf: (spaceId) =>
        documentsOf(idsUnder(this.#doorwaysBySpace, spaceId), view.doorway).filter(
          (doorway) => doorway.ingressSpaceId === spaceId || doorway.egressSpaceId === spaceId,
        ),
      dpusAt: (doorwayId) =>
        documentsOf(idsUnder(this.#dpusByDoorway, doorwayId), view.dpu).filter((dpu) =>
          dpu.placements.some((placement) => placement.doorwayId === doorwayId),
        ),
    };
    return view;
  }
}

/**
 * Returns the document.
 * @throws Failure not_found if it is undefined or deleted; `what` names it, such as `space 3`
 */
export function existing<T extends { readonly deleted: boolean }>(doc: T | undefined, what: string): T {
  if (doc === undefined || doc.deleted) throw new Failure('not_found', `there is no ${what}`);
  return doc;
}

function lastIdIn(versions: readonly Version<Reset>[]): number {
  return versions.reduce((last, { doc }) => Math.max(last, doc.id), 0);
}

function currentResets(versions: readonly Version<Reset>[], seq: number): readonly Reset[] {
  const current = new Map<number, Reset>();
  for (const version of versions) {
    if (version.seq > seq) break;
    // Removed first, so that a changed reset comes last.
    current.delete(version.doc.id);
    if (!version.doc.deleted) current.set(version.doc.id, version.doc);
  }
  return [...current.values()];
}

function addHigher(ids: Version<number>[], seq: number, id: number): void {
  const last = ids.at(-1);
  if (id <= (last?.doc ?? 0)) return;
  // An import is one entry with very many ids.
  if (last?.seq === seq) ids.pop();
  ids.push({ seq, doc: id });
}

function inForce(versions: OneOrMore<Version<Deletion>> | undefined, seq: number): Deletion | undefined {
  const deletion = atSeq(versions, seq);
  return deletion?.restored ? undefined : deletion;
}
