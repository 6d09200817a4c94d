// Plans an entry of a topology document against a given topology: the fact to append, by the same rules as single
// commands, or nothing if the topology already has it. So an import is idempotent.
import { Failure } from './failure.ts';
import type { DoorwayId, SpaceId } from './ids.ts';
import { BEGINNING_MS } from './instant.ts';
import type { Doorway, Dpu, SingleFact, Space } from './topology.ts';
import { decideRegistration, keptOptions, type Registration, type RegistrationView } from './topology-command.ts';
import type {
  DeviceEntry,
  DocumentPlace,
  DoorwayEntry,
  DpuEntry,
  ExclusionEntry,
  PlacementEntry,
  SpaceEntry,
} from './topology-document.ts';
import { TopologyDraft } from './topology-draft.ts';
import { nameKey } from './name.ts';

export type RegistrationEntry =
  | { readonly kind: 'space'; readonly entry: SpaceEntry }
  | { readonly kind: 'doorway'; readonly entry: DoorwayEntry }
  | { readonly kind: 'dpu'; readonly entry: DpuEntry }
  | { readonly kind: 'device'; readonly entry: DeviceEntry }
  | { readonly kind: 'exclusion'; readonly entry: ExclusionEntry };

export interface PlannedChange {
  readonly kind: RegistrationEntry['kind'];
  readonly action: 'create' | 'update';
  /** Name of the space or doorway, id of the DPU or device; for an exclusion the id of its DPU. */
  readonly name: string;
  readonly line: number;
  /** The fields that an update changes. */
  readonly fields: readonly string[];
}

export interface Planned {
  readonly fact: SingleFact;
  readonly change: PlannedChange;
}

/** A Failure with its place in a document. */
export class EntryRefused extends Error {
  override readonly name = 'EntryRefused';
  readonly place: DocumentPlace;
  readonly failure: Failure;
  /** The unknown name or external id; undefined if something else is wrong. */
  readonly missing: string | undefined;

  constructor(place: DocumentPlace, failure: Failure, missing?: string) {
    super(failure.message, { cause: failure });
    this.place = place;
    this.failure = failure;
    this.missing = missing;
  }
}

/**
 * @returns undefined if there is nothing to change. @throws EntryRefused if it cannot be registered
 */
export function planRegistration(view: RegistrationView, each: RegistrationEntry, nowMs: number): Planned | undefined {
  switch (each.kind) {
    case 'space':
      return planSpace(view, each.entry, nowMs);
    case 'doorway':
      return planDoorway(view, each.entry, nowMs);
    case 'dpu':
      return planDpu(view, each.entry, nowMs);
    case 'device':
      return planDevice(view, each.entry, nowMs);
    case 'exclusion':
      return planExclusion(view, each.entry, nowMs);
  }
}

function planSpace(view: RegistrationView, entry: SpaceEntry, nowMs: number): Planned | undefined {
  const { name, externalId, timeZone, dailyReset, dailyResetCount, capacity } = entry;
  const before = entryTarget(view.spacesCalled(name), externalId ? view.spacesCalled(externalId) : [], entry);
  if (before) {
    const fields = changed(
      { name, externalId, timeZone, dailyReset, dailyResetCount, capacity },
      { ...before, externalId: before.externalId ?? null, dailyResetCount: before.dailyResetCount ?? 0 },
    );
    return update(view, entry, 'space', name, fields, { kind: 'updateSpace', id: before.id, fields }, nowMs);
  }
  const fields = {
    name,
    ...(externalId ? { externalId } : {}),
    timeZone: timeZone ?? 'UTC',
    dailyReset: dailyReset ?? null,
    ...(dailyResetCount === undefined ? {} : { dailyResetCount }),
    capacity: capacity ?? null,
  };
  return create(view, entry, 'space', name, { kind: 'createSpace', fields }, nowMs);
}

function planDoorway(view: RegistrationView, entry: DoorwayEntry, nowMs: number): Planned | undefined {
  const { name, externalId } = entry;
  const ingressSpaceId = spaceOf(view, entry.ingressSpace, entry, 'ingress_space');
  const egressSpaceId = spaceOf(view, entry.egressSpace, entry, 'egress_space');
  const before = entryTarget(view.doorwaysCalled(name), externalId ? view.doorwaysCalled(externalId) : [], entry);
  if (before) {
    const fields = changed(
      { name, externalId, ingressSpaceId, egressSpaceId },
      { ...before, externalId: before.externalId ?? null },
    );
    return update(view, entry, 'doorway', name, fields, { kind: 'updateDoorway', id: before.id, fields }, nowMs);
  }
  const fields = {
    name,
    ...(externalId ? { externalId } : {}),
    ingressSpaceId: ingressSpaceId ?? null,
    egressSpaceId: egressSpaceId ?? null,
  };
  return create(view, entry, 'doorway', name, { kind: 'createDoorway', fields }, nowMs);
}

/** All placements of an entry become one fact. */
function planDpu(view: RegistrationView, entry: DpuEntry, nowMs: number): Planned | undefined {
  const { id, line, counterModulus, placements } = entry;
  const before = view.dpu(id);
  const isNew = before === undefined || before.deleted;
  if (isNew && !entry.isDeclared)
    throw new EntryRefused(entry, new Failure('invalid', `there is no DPU ${id}`, { field: 'dpu_id' }));
  const draft = new TopologyDraft(view);
  let fact: SingleFact | undefined;
  const decide = (place: DocumentPlace, command: Registration): void => {
    fact = decided(draft, place, command, nowMs);
    draft.apply(fact);
  };
  if (isNew) decide(entry, { kind: 'createDpu', id, doorwayId: null, counterModulus });
  else if (counterModulus !== undefined && counterModulus !== (before.counterModulus ?? null))
    decide(entry, { kind: 'placeDpu', id, counterModulus });
  for (const placement of [...placements].sort((a, b) => a.fromMs - b.fromMs)) {
    const doorwayId = doorwayOf(view, placement);
    const fromMs = [placement.fromMs];
    // For a deleted DPU, "always" includes the time since its deletion.
    if (before?.deleted && placement.fromMs === BEGINNING_MS)
      fromMs.push(before.placements.at(-1)?.fromMs ?? BEGINNING_MS);
    for (const effectiveMs of fromMs)
      if (!isRecorded(draft.dpu(id), doorwayId, effectiveMs))
        decide(placement, { kind: 'placeDpu', id, doorwayId, effectiveMs });
  }
  if (!fact) return undefined;
  const after = fact.doc as Dpu;
  const fields = [
    ...(JSON.stringify(after.placements) === JSON.stringify(before?.placements ?? []) ? [] : ['placements']),
    ...((after.counterModulus ?? null) === (before?.counterModulus ?? null) ? [] : ['counter_modulus']),
  ];
  return {
    fact,
    change: { kind: 'dpu', action: isNew ? 'create' : 'update', name: id, line, fields: isNew ? [] : fields },
  };
}

/** Its secret stays as it is. */
function planDevice(view: RegistrationView, entry: DeviceEntry, nowMs: number): Planned | undefined {
  const { id, line, adapter, needsOptions } = entry;
  const found = view.device(id);
  const before = found?.deleted ? undefined : found;
  const { options = keptOptions(found, adapter) } = entry;
  // Null in the document itself is an error of the document.
  if (entry.options === undefined && options === null && needsOptions) {
    const detail = `are required: the adapter ${adapter} has no defaults, and the device ${id} has no options for it yet`;
    throw new EntryRefused(entry, new Failure('invalid', detail, { field: 'options' }));
  }
  const fields = [
    ...(before?.adapter === adapter ? [] : ['adapter']),
    ...(JSON.stringify(before?.options ?? null) === JSON.stringify(options) ? [] : ['options']),
  ];
  if (before && fields.length === 0) return undefined;
  return {
    fact: decided(view, entry, { kind: 'setAdapter', id, adapter, options }, nowMs),
    change: { kind: 'device', action: before ? 'update' : 'create', name: id, line, fields: before ? fields : [] },
  };
}

/** An exclusion has no id in a document. It is recognised by its DPU and its fields. */
function planExclusion(view: RegistrationView, entry: ExclusionEntry, nowMs: number): Planned | undefined {
  const { dpuId, fromMs, toMs, reason, line } = entry;
  const isRegistered = view.dpu(dpuId)?.deleted === false;
  if (!isRegistered)
    throw new EntryRefused(entry, new Failure('invalid', `there is no DPU ${dpuId}`, { field: 'dpu_id' }));
  const isKnown = view
    .exclusions(dpuId)
    .some((each) => !each.deleted && each.fromMs === fromMs && each.toMs === toMs && each.reason === reason);
  if (isKnown) return undefined;
  return {
    fact: decided(view, entry, { kind: 'excludeReadings', dpuId, fromMs, toMs, reason }, nowMs),
    change: { kind: 'exclusion', action: 'create', name: dpuId, line, fields: [] },
  };
}

/** Before its first placement a DPU is at no doorway anyway. */
function isRecorded(dpu: Dpu | undefined, doorwayId: DoorwayId | null, fromMs: number): boolean {
  const records = dpu?.placements ?? [];
  if (doorwayId === null && !records.some((record) => record.fromMs <= fromMs)) return true;
  return records.some((record) => record.fromMs === fromMs && record.doorwayId === doorwayId);
}

/**
 * The space or doorway of an entry: the one with its external id or, if there is none, the one with its name, unless
 * that has another external id.
 */
function entryTarget<T extends Space | Doorway>(
  named: readonly T[],
  identified: readonly T[],
  { name, externalId = null }: SpaceEntry | DoorwayEntry,
): T | undefined {
  const found = externalId === null ? undefined : identified.find((doc) => doc.externalId === externalId);
  if (found) return found;
  return named.find(
    (doc) => nameKey(doc.name) === nameKey(name) && (externalId === null || (doc.externalId ?? null) === null),
  );
}

function spaceOf(
  view: RegistrationView,
  label: string | null | undefined,
  place: DocumentPlace,
  field: string,
): SpaceId | null | undefined {
  if (label === undefined || label === null) return label;
  return only(view.spacesCalled(label), 'space', label, place, field).id;
}

function doorwayOf(view: RegistrationView, placement: PlacementEntry): DoorwayId | null {
  const { doorway } = placement;
  return doorway === null ? null : only(view.doorwaysCalled(doorway), 'doorway', doorway, placement, 'doorway').id;
}

function only<T>(found: readonly T[], kind: string, label: string, place: DocumentPlace, field: string): T {
  const [first, second] = found;
  if (first && !second) return first;
  const detail = first ? `several ${kind}s are called` : `there is no ${kind}`;
  const failure = new Failure('invalid', `${detail} ${JSON.stringify(label)}`, { field });
  throw new EntryRefused(place, failure, first ? undefined : label);
}

/** The given fields whose value differs, by their names in the domain. */
function changed<T extends object>(given: { readonly [Key in keyof T]?: T[Key] | undefined }, before: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([key, value]) => value !== undefined && value !== before[key as keyof T]),
  ) as Partial<T>;
}

const FIELD_NAMES: Readonly<Record<string, string>> = {
  externalId: 'external_id',
  timeZone: 'time_zone',
  dailyReset: 'daily_reset',
  dailyResetCount: 'daily_reset_count',
  ingressSpaceId: 'ingress_space',
  egressSpaceId: 'egress_space',
};

function update(
  view: RegistrationView,
  place: DocumentPlace,
  kind: 'space' | 'doorway',
  name: string,
  fields: object,
  command: Registration,
  nowMs: number,
): Planned | undefined {
  const names = Object.keys(fields).map((field) => FIELD_NAMES[field] ?? field);
  if (names.length === 0) return undefined;
  return {
    fact: decided(view, place, command, nowMs),
    change: { kind, action: 'update', name, line: place.line, fields: names },
  };
}

function create(
  view: RegistrationView,
  place: DocumentPlace,
  kind: 'space' | 'doorway',
  name: string,
  command: Registration,
  nowMs: number,
): Planned {
  return {
    fact: decided(view, place, command, nowMs),
    change: { kind, action: 'create', name, line: place.line, fields: [] },
  };
}

/**
 * @throws EntryRefused with fields as named in a document
 */
function decided(view: RegistrationView, place: DocumentPlace, command: Registration, nowMs: number): SingleFact {
  try {
    return decideRegistration(view, command, nowMs);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new EntryRefused(
      place,
      new Failure(error.kind, error.message, { field: error.field.replace(/(space|doorway)_id$/, '$1') }),
    );
  }
}
