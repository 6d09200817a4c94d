// A topology plus facts that are not in the log yet, on which the next registration of an import is decided.
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { addId, type IdSets } from './id-sets.ts';
import { addTo } from './lists.ts';
import type { Device, Doorway, Dpu, Exclusion, SingleFact, Space } from './topology.ts';
import type { RegistrationView } from './topology-command.ts';
import { called, labelsOf } from './topology-labels.ts';

export class TopologyDraft implements RegistrationView {
  readonly #base: RegistrationView;
  readonly #spaces = new Map<SpaceId, Space>();
  readonly #doorways = new Map<DoorwayId, Doorway>();
  readonly #dpus = new Map<DpuId, Dpu>();
  readonly #exclusions = new Map<DpuId, Exclusion[]>();
  readonly #devices = new Map<DpuId, Device>();
  readonly #spacesByLabel: IdSets<string, SpaceId> = new Map();
  readonly #doorwaysByLabel: IdSets<string, DoorwayId> = new Map();
  #lastSpaceId: number;
  #lastDoorwayId: number;

  constructor(base: RegistrationView) {
    this.#base = base;
    this.#lastSpaceId = base.lastSpaceId();
    this.#lastDoorwayId = base.lastDoorwayId();
  }

  apply(fact: SingleFact): void {
    if (fact.kind === 'space') {
      const { doc } = fact;
      this.#spaces.set(doc.id, doc);
      for (const label of labelsOf(doc)) addId(this.#spacesByLabel, label, doc.id);
      this.#lastSpaceId = Math.max(this.#lastSpaceId, doc.id);
    } else if (fact.kind === 'doorway') {
      const { doc } = fact;
      this.#doorways.set(doc.id, doc);
      for (const label of labelsOf(doc)) addId(this.#doorwaysByLabel, label, doc.id);
      this.#lastDoorwayId = Math.max(this.#lastDoorwayId, doc.id);
    } else if (fact.kind === 'dpu') this.#dpus.set(fact.doc.id, fact.doc);
    else if (fact.kind === 'exclusion') addTo(this.#exclusions, fact.doc.dpuId, fact.doc);
    else if (fact.kind === 'device') this.#devices.set(fact.doc.id, fact.doc);
  }

  space(id: SpaceId): Space | undefined {
    return this.#spaces.get(id) ?? this.#base.space(id);
  }

  doorway(id: DoorwayId): Doorway | undefined {
    return this.#doorways.get(id) ?? this.#base.doorway(id);
  }

  dpu(id: DpuId): Dpu | undefined {
    return this.#dpus.get(id) ?? this.#base.dpu(id);
  }

  exclusions(dpuId: DpuId): Exclusion[] {
    return [...this.#base.exclusions(dpuId), ...(this.#exclusions.get(dpuId) ?? [])];
  }

  device(id: DpuId): Device | undefined {
    return this.#devices.get(id) ?? this.#base.device(id);
  }

  epoch(): ReturnType<RegistrationView['epoch']> {
    return this.#base.epoch();
  }

  lastSpaceId(): number {
    return this.#lastSpaceId;
  }

  lastDoorwayId(): number {
    return this.#lastDoorwayId;
  }

  spacesCalled(label: string): Space[] {
    const kept = this.#base.spacesCalled(label).filter(({ id }) => !this.#spaces.has(id));
    return [...kept, ...called(label, this.#spacesByLabel, (id) => this.space(id))];
  }

  doorwaysCalled(label: string): Doorway[] {
    const kept = this.#base.doorwaysCalled(label).filter(({ id }) => !this.#doorways.has(id));
    return [...kept, ...called(label, this.#doorwaysByLabel, (id) => this.doorway(id))];
  }
}
