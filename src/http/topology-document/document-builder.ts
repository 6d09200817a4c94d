// Collects the entries of a topology document while it is parsed, with all errors in it.
import type { z } from 'zod';
import { needsOptions, optionProblems } from '../../adapters/adapters.ts';
import { BEGINNING_MS } from '../../domain/instant.ts';
import type { DpuId } from '../../domain/ids.ts';
import {
  errorAt,
  type DocumentError,
  type DocumentPlace,
  type DeviceEntry,
  type DoorwayEntry,
  type DpuEntry,
  type ExclusionEntry,
  type PlacementEntry,
  type SpaceEntry,
  type TopologyDocument,
} from '../../domain/topology-document.ts';
import { nameKey } from '../../domain/name.ts';
import { fieldErrors, HttpProblem } from '../problem.ts';
import {
  deviceEntry,
  doorwayEntry,
  dpuEntry,
  exclusionEntry,
  placementEntry,
  spaceEntry,
} from '../schemas/topology-document.ts';
import { dpuId as dpuIdSchema } from '../schemas/fields.ts';

const ENTRIES_MAX = 500_000;
const ERRORS_MAX = 1_000;

interface OpenDpu extends DpuEntry {
  isDeclared: boolean;
  readonly placements: PlacementEntry[];
}

export class DocumentBuilder {
  readonly #spaces: SpaceEntry[] = [];
  readonly #doorways: DoorwayEntry[] = [];
  readonly #dpus = new Map<DpuId, OpenDpu>();
  readonly #exclusions: ExclusionEntry[] = [];
  readonly #devices = new Map<DpuId, DeviceEntry>();
  readonly #errors: DocumentError[] = [];
  readonly #unreadable = new Set<string>();
  #errorsCount = 0;
  #entries = 0;

  get document(): TopologyDocument {
    return {
      spaces: this.#spaces,
      doorways: this.#doorways,
      dpus: [...this.#dpus.values()],
      exclusions: this.#exclusions,
      devices: [...this.#devices.values()],
      errors: this.#errors,
      errorsCount: this.#errorsCount,
      unreadable: this.#unreadable,
    };
  }

  /** @param columnOf the column that a field has in CSV */
  fail(place: DocumentPlace, field: string, detail: string, columnOf = columnOfDpu): void {
    this.#errorsCount += 1;
    if (this.#errors.length < ERRORS_MAX)
      this.#errors.push(errorAt(place, place.at === '' ? columnOf(field) : field, detail));
  }

  space(place: DocumentPlace, value: unknown): void {
    const entry = this.#checked(spaceEntry, place, value);
    if (!entry) return;
    const { name, external_id: externalId, time_zone: timeZone, daily_reset: dailyReset, capacity } = entry;
    const { daily_reset_count: dailyResetCount } = entry;
    this.#spaces.push({ ...place, name, externalId, timeZone, dailyReset, dailyResetCount, capacity });
  }

  doorway(place: DocumentPlace, value: unknown): void {
    const entry = this.#checked(doorwayEntry, place, value);
    if (!entry) return;
    const { name, external_id: externalId, ingress_space: ingressSpace, egress_space: egressSpace } = entry;
    this.#doorways.push({ ...place, name, externalId, ingressSpace, egressSpace });
  }

  /**
   * @param placements where each placement is; without it they are on the row of the DPU
   */
  dpu(place: DocumentPlace, value: unknown, placements: readonly DocumentPlace[] = []): void {
    const entry = this.#checked(dpuEntry, place, value);
    if (!entry) return;
    const dpu = this.#open(entry.id, place);
    if (dpu.isDeclared) return this.fail(place, 'id', `DPU ${entry.id} is on line ${dpu.line} already`);
    Object.assign(dpu, { isDeclared: true, ...place, counterModulus: entry.counter_modulus });
    for (const [index, placement] of (entry.placements ?? []).entries())
      this.#place(dpu, placements[index] ?? place, placement);
  }

  exclusion(place: DocumentPlace, value: unknown): void {
    const entry = this.#checked(exclusionEntry, place, value);
    if (!entry) return;
    const { dpu_id: dpuId, from: fromMs, to: toMs, reason } = entry;
    this.#exclusions.push({ ...place, dpuId, fromMs, toMs, reason });
  }

  device(place: DocumentPlace, value: unknown): void {
    const entry = this.#checked(deviceEntry, place, value, '', columnOfDevice);
    if (!entry) return;
    const { id, adapter, options } = entry;
    const before = this.#devices.get(id);
    if (before) return this.fail(place, 'id', `device ${id} is on line ${before.line} already`, columnOfDevice);
    for (const { path, detail } of options === undefined ? [] : optionProblems(adapter, options))
      this.fail(place, path ? `options.${path}` : 'options', detail, columnOfDevice);
    this.#devices.set(id, { ...place, id, adapter, options, needsOptions: needsOptions(adapter) });
  }

  /** A placement that is a row of its own. */
  placement(place: DocumentPlace, id: unknown, value: unknown): void {
    const dpuId = this.#checked(dpuIdSchema, place, id, 'dpu_id');
    const placement = this.#checked(placementEntry, place, value);
    if (dpuId !== undefined && placement) this.#place(this.#open(dpuId, place), place, placement);
  }

  #open(id: DpuId, place: DocumentPlace): OpenDpu {
    let dpu = this.#dpus.get(id);
    if (!dpu) this.#dpus.set(id, (dpu = { id, ...place, isDeclared: false, placements: [] }));
    return dpu;
  }

  #place(
    { placements }: OpenDpu,
    place: DocumentPlace,
    { doorway, from = null }: z.output<typeof placementEntry>,
  ): void {
    const fromMs = from ?? BEGINNING_MS;
    const other = placements.find((placement) => placement.fromMs === fromMs);
    if (other) this.fail(place, 'from', `line ${other.line} already places the DPU at this instant`);
    else placements.push({ ...place, doorway, fromMs });
  }

  #checked<Schema extends z.ZodType>(
    schema: Schema,
    place: DocumentPlace,
    value: unknown,
    field = '',
    columnOf = columnOfDpu,
  ): z.output<Schema> | undefined {
    if ((this.#entries += 1) > ENTRIES_MAX)
      throw new HttpProblem(413, `a document may hold at most ${ENTRIES_MAX} entries; import it in parts`);
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const { path, detail } of fieldErrors(result.error))
      this.fail(place, path === '' ? field : path, detail, columnOf);
    for (const label of labelsIn(value)) this.#unreadable.add(nameKey(label));
    return undefined;
  }
}

function columnOfDevice(field: string): string {
  return field === 'id' ? 'device' : field;
}

function columnOfDpu(field: string): string {
  return field === 'id' ? 'dpu_id' : field.replace(/^placements\.0\./, '');
}

/** The labels by which other entries may refer to an entry, although it is invalid. */
function labelsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { name, external_id: externalId } = value as { name?: unknown; external_id?: unknown };
  return [name, externalId].filter((label) => typeof label === 'string');
}
