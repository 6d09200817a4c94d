// The topology as a document that can be imported again without a change. Deleted things are left out, and so are the
// placements of a DPU up to its last one at a deleted doorway, because a document could not refer to that doorway.
import { stringify } from 'csv-stringify/sync';
import { BEGINNING_MS, formatInstant } from '../../domain/instant.ts';
import type { SpaceId } from '../../domain/ids.ts';
import type { Device, Doorway, Dpu, PlacementRecord } from '../../domain/topology.ts';
import type { TopologyView } from '../../domain/topology-history.ts';
import { notDeleted, spaceFieldsJson } from '../topology-json.ts';
import { CSV_COLUMNS } from './csv-document.ts';

/** The number of rows that are formatted at once. */
const ROWS = 500;

interface ExportedPlacement {
  readonly doorway: string | null;
  readonly from: string | null;
}

/** One entry per line, so that a line number identifies it. */
export function* exportJson(view: TopologyView): Generator<string> {
  const lists = [
    ['spaces', notDeleted(view.spaces()).map(spaceFieldsJson)],
    ['doorways', notDeleted(view.doorways()).map((doorway) => exportedDoorway(view, doorway))],
    ['dpus', notDeleted(view.dpus()).map((dpu) => exportedDpu(view, dpu))],
    ['exclusions', exportedExclusions(view)],
    ['devices', notDeleted(view.devices()).map(exportedDevice)],
  ] as const;
  yield '{';
  for (const [index, [name, entries]] of lists.entries()) {
    yield `${index === 0 ? '' : ','}\n"${name}": [`;
    for (let at = 0; at < entries.length; at += ROWS) {
      const lines = entries.slice(at, at + ROWS).map((entry) => JSON.stringify(entry));
      yield `${at === 0 ? '' : ','}\n${lines.join(',\n')}`;
    }
    yield ']';
  }
  yield '}\n';
}

export function* exportCsv(view: TopologyView): Generator<string> {
  yield* formatted([Object.fromEntries(CSV_COLUMNS.map((name) => [name, name]))]);
  yield* formatted(notDeleted(view.spaces()).map((space) => ({ kind: 'space', ...spaceFieldsJson(space) })));
  yield* formatted(
    notDeleted(view.doorways()).map((doorway) => ({ kind: 'doorway', ...exportedDoorway(view, doorway) })),
  );
  yield* formatted(notDeleted(view.dpus()).flatMap((dpu) => rowsOf(exportedDpu(view, dpu))));
  yield* formatted(exportedExclusions(view).map((exclusion) => ({ kind: 'exclusion', ...exclusion })));
  yield* formatted(notDeleted(view.devices()).map(deviceRow));
}

function* formatted(rows: readonly object[]): Generator<string> {
  // A lone carriage return also ends a row.
  const options = { columns: CSV_COLUMNS, quoted_match: /\r/ };
  for (let at = 0; at < rows.length; at += ROWS) yield stringify(rows.slice(at, at + ROWS), options);
}

function rowsOf({ id, placements, ...fields }: ReturnType<typeof exportedDpu>): object[] {
  const [first, ...others] = placements;
  // Only a row of kind placement can place a DPU at no doorway.
  const isAtDoorway = first !== undefined && first.doorway !== null;
  return [
    { kind: 'dpu', dpu_id: id, ...fields, ...(isAtDoorway ? first : {}) },
    ...(isAtDoorway ? others : placements).map((placement) => ({ kind: 'placement', dpu_id: id, ...placement })),
  ];
}

function exportedDoorway(view: TopologyView, { name, externalId = null, ingressSpaceId, egressSpaceId }: Doorway) {
  const nameOf = (id: SpaceId | null): string | null => (id === null ? null : (view.space(id)?.name ?? null));
  return {
    name,
    external_id: externalId,
    ingress_space: nameOf(ingressSpaceId),
    egress_space: nameOf(egressSpaceId),
  };
}

function exportedDpu(view: TopologyView, { id, counterModulus = null, placements }: Dpu) {
  const isGone = ({ doorwayId }: PlacementRecord): boolean =>
    doorwayId !== null && view.doorway(doorwayId)?.deleted !== false;
  const exported = placements.slice(placements.findLastIndex(isGone) + 1).map(({ doorwayId, fromMs }) => ({
    doorway: doorwayId === null ? null : (view.doorway(doorwayId)?.name ?? null),
    from: fromMs === BEGINNING_MS ? null : formatInstant(fromMs),
  }));
  return { id, counter_modulus: counterModulus, placements: exported satisfies ExportedPlacement[] };
}

/** One of each: several may have the same fields. */
function exportedExclusions(view: TopologyView) {
  return notDeleted(view.dpus()).flatMap(({ id }) => {
    const exclusions = notDeleted(view.exclusions(id)).map(({ fromMs, toMs, reason }) => ({
      dpu_id: id,
      from: formatInstant(fromMs),
      to: formatInstant(toMs),
      reason,
    }));
    return [...new Map(exclusions.map((exclusion) => [JSON.stringify(exclusion), exclusion])).values()];
  });
}

/** Without its secret: a document may be sent to anybody who may see the topology. */
function exportedDevice({ id, adapter, options }: Device) {
  return { id, adapter, options };
}

function deviceRow(device: Device): object {
  const { id, adapter, options } = exportedDevice(device);
  return { kind: 'device', device: id, adapter, options: options && JSON.stringify(options) };
}
