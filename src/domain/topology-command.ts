// The commands that change the topology, and the fact that results from each one. Pure: takes the current view and
// the time, and returns a fact, or throws a Failure that names the field. The fact is appended only if the log has
// not changed since, so these checks are serializable across processes.
import { Failure } from './failure.ts';
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { BEGINNING_MS, formatInstant, LATEST_STORABLE_MS } from './instant.ts';
import { doorwayAt, withRecord } from './placement.ts';
import { identityOf, type Reading } from './reading.ts';
import type { Device, DeviceSecret, Doorway, Dpu, Reset, Settings, Space, SingleFact } from './topology.ts';
import { existing, type TopologyView } from './topology-history.ts';

export interface SpaceFields {
  readonly name: string;
  readonly timeZone: string;
  readonly dailyReset: string | null;
  readonly dailyResetCount?: number;
  readonly capacity: number | null;
  readonly externalId?: string | null;
}

export interface DoorwayFields {
  readonly name: string;
  readonly ingressSpaceId: SpaceId | null;
  readonly egressSpaceId: SpaceId | null;
  readonly externalId?: string | null;
}

export type TopologyCommand =
  | { readonly kind: 'createSpace'; readonly fields: SpaceFields }
  | { readonly kind: 'updateSpace'; readonly id: SpaceId; readonly fields: Partial<SpaceFields> }
  | { readonly kind: 'deleteSpace'; readonly id: SpaceId }
  | { readonly kind: 'createDoorway'; readonly fields: DoorwayFields }
  | { readonly kind: 'updateDoorway'; readonly id: DoorwayId; readonly fields: Partial<DoorwayFields> }
  | { readonly kind: 'deleteDoorway'; readonly id: DoorwayId }
  | {
      readonly kind: 'createDpu';
      readonly id: DpuId;
      readonly doorwayId: DoorwayId | null;
      readonly effectiveMs?: number | undefined;
      readonly counterModulus?: number | null | undefined;
    }
  /** Without `doorwayId` the DPU keeps its current doorway, without `counterModulus` its current modulus. */
  | {
      readonly kind: 'placeDpu';
      readonly id: DpuId;
      readonly doorwayId?: DoorwayId | null | undefined;
      readonly effectiveMs?: number | undefined;
      readonly counterModulus?: number | null | undefined;
    }
  | { readonly kind: 'deleteDpu'; readonly id: DpuId; readonly effectiveMs?: number | undefined }
  | {
      readonly kind: 'excludeReadings';
      readonly dpuId: DpuId;
      readonly fromMs: number;
      readonly toMs: number;
      readonly reason: string;
    }
  | { readonly kind: 'deleteExclusion'; readonly dpuId: DpuId; readonly id: number }
  /** The reading need not have been sent yet, nor its DPU be registered. */
  | { readonly kind: 'deleteReading'; readonly reading: Reading; readonly reason: string }
  | { readonly kind: 'restoreReading'; readonly reading: Reading }
  /**
   * Absent `options` keep the current ones if the adapter stays the same, null stands for the adapter's defaults. An
   * absent `secret` keeps the current one, null removes it.
   */
  | {
      readonly kind: 'setAdapter';
      readonly id: DpuId;
      readonly adapter: string;
      readonly options?: Device['options'] | undefined;
      readonly secret?: DeviceSecret | null | undefined;
    }
  | { readonly kind: 'deleteDevice'; readonly id: DpuId }
  | { readonly kind: 'recordReset'; readonly spaceId: SpaceId; readonly timestampMs: number; readonly count: number }
  /** A field that is left out stays as it is. */
  | {
      readonly kind: 'changeReset';
      readonly spaceId: SpaceId;
      readonly id: number;
      readonly timestampMs?: number | undefined;
      readonly count?: number | undefined;
    }
  | { readonly kind: 'deleteReset'; readonly spaceId: SpaceId; readonly id: number }
  | { readonly kind: 'changeSettings'; readonly settings: Settings };

/** Bounds the memory of every process, because the topology is kept in memory with all its versions. */
export const DELETIONS_MAX = 50_000;

type Of<Kind extends TopologyCommand['kind']> = Extract<TopologyCommand, { kind: Kind }>;

/** The commands that make up an import. */
export type Registration = Of<
  | 'createSpace'
  | 'updateSpace'
  | 'createDoorway'
  | 'updateDoorway'
  | 'createDpu'
  | 'placeDpu'
  | 'setAdapter'
  | 'excludeReadings'
>;
/** The part of a view that a registration is decided on. */
export type RegistrationView = Pick<
  TopologyView,
  | 'space'
  | 'doorway'
  | 'dpu'
  | 'exclusions'
  | 'device'
  | 'spacesCalled'
  | 'doorwaysCalled'
  | 'lastSpaceId'
  | 'lastDoorwayId'
  | 'epoch'
>;

/** @throws Failure not_found, conflict or invalid */
export function decideTopology(view: TopologyView, command: TopologyCommand, nowMs: number): SingleFact {
  switch (command.kind) {
    case 'deleteSpace':
      return deleteSpace(view, command, nowMs);
    case 'deleteDoorway':
      return deleteDoorway(view, command, nowMs);
    case 'deleteDpu':
      return deleteDpu(view, command, nowMs);
    case 'deleteExclusion':
      return deleteExclusion(view, command);
    case 'deleteReading':
      return deleteReading(view, command, nowMs);
    case 'restoreReading':
      return restoreReading(view, command);
    case 'deleteDevice': {
      const doc = { ...existing(view.device(command.id), `device ${command.id}`), updatedMs: nowMs, deleted: true };
      delete doc.secret;
      return { kind: 'device', doc };
    }
    case 'recordReset':
      return recordReset(view, command, nowMs);
    case 'changeReset': {
      const before = resetIn(view, command.spaceId, command.id);
      const { timestampMs = before.timestampMs, count = before.count } = command;
      return { kind: 'reset', doc: { ...before, timestampMs, count, updatedMs: nowMs } };
    }
    case 'deleteReset': {
      const before = resetIn(view, command.spaceId, command.id);
      return { kind: 'reset', doc: { ...before, updatedMs: nowMs, deleted: true } };
    }
    case 'changeSettings':
      return { kind: 'settings', doc: command.settings };
    case 'createSpace':
    case 'updateSpace':
    case 'createDoorway':
    case 'updateDoorway':
    case 'createDpu':
    case 'placeDpu':
    case 'setAdapter':
    case 'excludeReadings':
      return decideRegistration(view, command, nowMs);
  }
}

/** @throws Failure not_found, conflict or invalid */
export function decideRegistration(view: RegistrationView, command: Registration, nowMs: number): SingleFact {
  switch (command.kind) {
    case 'createSpace':
      return createSpace(view, command, nowMs);
    case 'updateSpace':
      return updateSpace(view, command, nowMs);
    case 'createDoorway':
      return createDoorway(view, command, nowMs);
    case 'updateDoorway':
      return updateDoorway(view, command, nowMs);
    case 'createDpu':
      return createDpu(view, command, nowMs);
    case 'placeDpu':
      return placeDpu(view, command, nowMs);
    case 'setAdapter':
      return setAdapter(view, command, nowMs);
    case 'excludeReadings':
      return excludeReadings(view, command, nowMs);
  }
}

function createSpace(view: RegistrationView, { fields }: Of<'createSpace'>, nowMs: number): SingleFact {
  requireFree((label) => view.spacesCalled(label), fields, undefined);
  const id = nextId(view.lastSpaceId(), view.epoch()?.spaceIdsAbove) as SpaceId;
  return { kind: 'space', doc: { id, ...fields, createdMs: nowMs, updatedMs: nowMs, deleted: false } };
}

function updateSpace(view: RegistrationView, { id, fields }: Of<'updateSpace'>, nowMs: number): SingleFact {
  const before = existing(view.space(id), `space ${id}`);
  requireFree((label) => view.spacesCalled(label), fields, id);
  return { kind: 'space', doc: { ...before, ...fields, updatedMs: nowMs } };
}

function deleteSpace(view: TopologyView, { id }: Of<'deleteSpace'>, nowMs: number): SingleFact {
  const before: Space = existing(view.space(id), `space ${id}`);
  const doorway = view.doorwaysOf(id).find((candidate) => !candidate.deleted);
  if (doorway)
    throw new Failure('conflict', `space ${id} is a side of doorway ${doorway.id}; change or delete that first`);
  return { kind: 'space', doc: { ...before, updatedMs: nowMs, deleted: true } };
}

function createDoorway(view: RegistrationView, { fields }: Of<'createDoorway'>, nowMs: number): SingleFact {
  requireFree((label) => view.doorwaysCalled(label), fields, undefined);
  requireSides(view, fields);
  const id = nextId(view.lastDoorwayId(), view.epoch()?.doorwayIdsAbove) as DoorwayId;
  return { kind: 'doorway', doc: { id, ...fields, createdMs: nowMs, updatedMs: nowMs, deleted: false } };
}

function updateDoorway(view: RegistrationView, { id, fields }: Of<'updateDoorway'>, nowMs: number): SingleFact {
  const before = existing(view.doorway(id), `doorway ${id}`);
  requireFree((label) => view.doorwaysCalled(label), fields, id);
  const doc = { ...before, ...fields, updatedMs: nowMs };
  requireSides(view, doc);
  return { kind: 'doorway', doc };
}

function deleteDoorway(view: TopologyView, { id }: Of<'deleteDoorway'>, nowMs: number): SingleFact {
  const before: Doorway = existing(view.doorway(id), `doorway ${id}`);
  const user = view
    .dpusAt(id)
    .find(
      (dpu) =>
        doorwayAt(dpu.placements, nowMs) === id ||
        dpu.placements.some((placement) => placement.fromMs > nowMs && placement.doorwayId === id),
    );
  if (user) throw new Failure('conflict', `DPU ${user.id} is placed at doorway ${id}; move it first`);
  return { kind: 'doorway', doc: { ...before, updatedMs: nowMs, deleted: true } };
}

function createDpu(view: RegistrationView, command: Of<'createDpu'>, nowMs: number): SingleFact {
  const before = view.dpu(command.id);
  if (before && !before.deleted)
    throw new Failure('conflict', `DPU ${command.id} is already registered`, { field: 'id' });
  const dpu: Dpu = before
    ? { ...before, deleted: false, updatedMs: nowMs }
    : { id: command.id, placements: [], createdMs: nowMs, updatedMs: nowMs, deleted: false };
  return { kind: 'dpu', doc: place(view, withModulus(dpu, command.counterModulus), command, nowMs) };
}

function placeDpu(view: RegistrationView, command: Of<'placeDpu'>, nowMs: number): SingleFact {
  const before = existing(view.dpu(command.id), `DPU ${command.id}`);
  const { doorwayId = doorwayAt(before.placements, nowMs), effectiveMs, counterModulus } = command;
  const dpu = withModulus({ ...before, updatedMs: nowMs }, counterModulus);
  return { kind: 'dpu', doc: place(view, dpu, { doorwayId, effectiveMs }, nowMs) };
}

function withModulus(dpu: Dpu, counterModulus: number | null | undefined): Dpu {
  return counterModulus === undefined ? dpu : { ...dpu, counterModulus };
}

function deleteDpu(view: TopologyView, command: Of<'deleteDpu'>, nowMs: number): SingleFact {
  const before = existing(view.dpu(command.id), `DPU ${command.id}`);
  // Its counted readings still count; later ones are held (T10).
  const fromMs = command.effectiveMs ?? nowMs;
  const placements = withRecord(
    before.placements.filter((record) => record.fromMs < fromMs),
    { doorwayId: null, fromMs },
  );
  return { kind: 'dpu', doc: { ...before, placements, updatedMs: nowMs, deleted: true } };
}

function place(
  view: RegistrationView,
  dpu: Dpu,
  { doorwayId, effectiveMs }: Pick<Of<'createDpu'>, 'doorwayId' | 'effectiveMs'>,
  nowMs: number,
): Dpu {
  if (doorwayId !== null) {
    requireReference(view.doorway(doorwayId), `doorway ${doorwayId}`, 'doorway_id');
  }
  if (dpu.placements.length === 0) {
    if (doorwayId === null) return dpu;
    return { ...dpu, placements: [{ doorwayId, fromMs: effectiveMs ?? BEGINNING_MS }] };
  }
  if (effectiveMs === undefined && doorwayAt(dpu.placements, nowMs) === doorwayId) return dpu;
  return { ...dpu, placements: withRecord(dpu.placements, { doorwayId, fromMs: effectiveMs ?? nowMs }) };
}

function recordReset(view: TopologyView, command: Of<'recordReset'>, nowMs: number): SingleFact {
  const { spaceId, timestampMs, count } = command;
  existing(view.space(spaceId), `space ${spaceId}`);
  const id = nextId(view.lastResetId(spaceId));
  return {
    kind: 'reset',
    doc: { id, spaceId, timestampMs, count, recordedMs: nowMs, updatedMs: nowMs, deleted: false },
  };
}

/** @throws Failure not_found */
export function resetIn(view: TopologyView, spaceId: SpaceId, id: number): Reset {
  existing(view.space(spaceId), `space ${spaceId}`);
  return existing(
    view.resets(spaceId).find((reset) => reset.id === id),
    `reset ${id} of space ${spaceId}`,
  );
}

function excludeReadings(view: RegistrationView, command: Of<'excludeReadings'>, recordedMs: number): SingleFact {
  const { dpuId, fromMs, toMs, reason } = command;
  existing(view.dpu(dpuId), `DPU ${dpuId}`);
  if (toMs <= fromMs) throw new Failure('invalid', 'an exclusion must end after it begins', { field: 'to' });
  const id = nextId(view.exclusions(dpuId).reduce((last, each) => Math.max(last, each.id), 0));
  return { kind: 'exclusion', doc: { id, dpuId, fromMs, toMs, reason, recordedMs, deleted: false } };
}

function deleteExclusion(view: TopologyView, { dpuId, id }: Of<'deleteExclusion'>): SingleFact {
  existing(view.dpu(dpuId), `DPU ${dpuId}`);
  const doc = view.exclusions(dpuId).find((each) => each.id === id);
  return { kind: 'exclusion', doc: { ...existing(doc, `exclusion ${id} of DPU ${dpuId}`), deleted: true } };
}

function deleteReading(view: TopologyView, command: Of<'deleteReading'>, recordedMs: number): SingleFact {
  const { reading, reason } = command;
  const { dpuId, timestampMs } = reading;
  const readingId = identityOf(reading);
  if (timestampMs > LATEST_STORABLE_MS)
    throw new Failure('invalid', `no reading is later than ${formatInstant(LATEST_STORABLE_MS)}`, { field: 'id' });
  if (view.deletion(dpuId, readingId)) throw new Failure('conflict', `reading ${readingId} is already deleted`);
  if (view.deletionsRecorded() >= DELETIONS_MAX)
    throw new Failure(
      'conflict',
      `${DELETIONS_MAX} readings were deleted, which is the maximum; exclude a span of time instead (POST /dpus/{id}/exclusions)`,
    );
  return { kind: 'deletion', doc: { dpuId, readingId, reason, recordedMs, restored: false } };
}

function restoreReading(view: TopologyView, { reading }: Of<'restoreReading'>): SingleFact {
  const readingId = identityOf(reading);
  const deletion = view.deletion(reading.dpuId, readingId);
  if (!deletion) throw new Failure('not_found', `reading ${readingId} is not deleted`);
  return { kind: 'deletion', doc: { ...deletion, restored: true } };
}

function setAdapter(view: RegistrationView, command: Of<'setAdapter'>, nowMs: number): SingleFact {
  const { id, adapter } = command;
  const before = view.device(id);
  const { options = keptOptions(before, adapter) } = command;
  const { secret = before?.deleted ? null : (before?.secret ?? null) } = command;
  const doc = { id, adapter, options, createdMs: before?.createdMs ?? nowMs, updatedMs: nowMs, deleted: false };
  return { kind: 'device', doc: secret === null ? doc : { ...doc, secret } };
}

/** The options of a device whose adapter is set without any; null stands for the adapter's defaults. */
export function keptOptions(before: Device | undefined, adapter: string): Device['options'] {
  return before && !before.deleted && before.adapter === adapter ? before.options : null;
}

function requireSides(view: RegistrationView, { ingressSpaceId, egressSpaceId }: DoorwayFields): void {
  if (ingressSpaceId === null && egressSpaceId === null) {
    throw new Failure('invalid', 'a doorway needs a space on at least one side', { field: 'ingress_space_id' });
  }
  if (ingressSpaceId === egressSpaceId) {
    throw new Failure('invalid', 'a doorway cannot have the same space on both sides', { field: 'egress_space_id' });
  }
  if (ingressSpaceId !== null)
    requireReference(view.space(ingressSpaceId), `space ${ingressSpaceId}`, 'ingress_space_id');
  if (egressSpaceId !== null) requireReference(view.space(egressSpaceId), `space ${egressSpaceId}`, 'egress_space_id');
}

function requireReference(doc: { readonly deleted: boolean } | undefined, what: string, field: string): void {
  if (doc === undefined || doc.deleted) throw new Failure('invalid', `there is no ${what}`, { field });
}

/** Names and external ids share one namespace, so that either refers to at most one thing. */
function requireFree(
  called: (label: string) => readonly { readonly id: number }[],
  { name, externalId }: { readonly name?: string; readonly externalId?: string | null },
  self: number | undefined,
): void {
  for (const [field, label] of [
    ['name', name ?? null],
    ['external_id', externalId ?? null],
  ] as const) {
    const holder = label === null ? undefined : called(label).find(({ id }) => id !== self);
    if (holder)
      throw new Failure(
        'conflict',
        `the ${field === 'name' ? 'name' : 'external id'} ${JSON.stringify(label)} is taken by ${holder.id}`,
        { field },
      );
  }
}

/** Ids are never reused, even after a deletion or after the log lost facts. */
function nextId(last: number, above = 0): number {
  return Math.max(last, above) + 1;
}
