// A topology document as CSV: one row per space, doorway, DPU, placement, exclusion or device, and a header line that names the columns, in
// any order and case. A column that is left out says nothing; an empty cell says "none".
import { pipeline, type Readable } from 'node:stream';
import { CsvError, parse, type Info } from 'csv-parse';
import type { DocumentPlace } from '../../domain/topology-document.ts';
import { HttpProblem } from '../problem.ts';
import { OPTIONS_BYTES_MAX } from '../schemas/bodies.ts';
import { MACHINE_TIMING, TURN_MS, yieldEvery } from '../../runtime/timing.ts';
import type { DocumentBuilder } from './document-builder.ts';

/** Twice the limit on options, which may contain white space here. The rest of a row is short. */
const ROW_BYTES_MAX = 2 * OPTIONS_BYTES_MAX;

const rowAt = (line: number): DocumentPlace => ({ line, at: '' });

/** The columns of each kind of row. */
const COLUMNS = {
  space: ['name', 'external_id', 'time_zone', 'daily_reset', 'daily_reset_count', 'capacity'],
  doorway: ['name', 'external_id', 'ingress_space', 'egress_space'],
  dpu: ['dpu_id', 'counter_modulus', 'doorway', 'from'],
  placement: ['dpu_id', 'doorway', 'from'],
  exclusion: ['dpu_id', 'from', 'to', 'reason'],
  device: ['device', 'adapter', 'options'],
} as const;
type Kind = keyof typeof COLUMNS;

export const CSV_COLUMNS = ['kind', ...new Set(Object.values(COLUMNS).flat())];

const KINDS = Object.keys(COLUMNS);
const isKind = (text: string): text is Kind => KINDS.includes(text);

interface Row {
  readonly record: readonly string[];
  readonly info: Info;
}

/**
 * @throws HttpProblem 400 if the text cannot be split into rows, 413 beyond the limits
 */
export async function readCsvDocument(body: Readable, builder: DocumentBuilder): Promise<void> {
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    info: true,
    max_record_size: ROW_BYTES_MAX,
    record_delimiter: ['\r\n', '\n', '\r'],
  });
  pipeline(body, parser, () => undefined);
  // Live counts and leases do not wait for a large document.
  const yieldTurn = yieldEvery(MACHINE_TIMING, TURN_MS);
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<Row>) {
      if (header) addRow(builder, header, record, rowAt(info.lines));
      else header = headerOf(builder, record, rowAt(info.lines));
      if (header.length === 0) return;
      await yieldTurn();
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_MAX_RECORD_SIZE')
      throw new HttpProblem(413, `a row may hold at most ${ROW_BYTES_MAX / 1e3} kB`);
    throw new HttpProblem(400, `the body is not CSV: ${error.message}`);
  }
  if (!header) builder.fail(rowAt(1), '', 'the first line must name the columns');
}

/**
 * @returns no columns if they cannot be used
 */
function headerOf(builder: DocumentBuilder, record: readonly string[], place: DocumentPlace): string[] {
  const header = record.map((name) => name.toLowerCase());
  const unknown = header.filter((name) => !CSV_COLUMNS.includes(name));
  const repeated = header.filter((name, index) => header.indexOf(name) < index);
  for (const name of unknown) builder.fail(place, name, `is not a column; there are ${CSV_COLUMNS.join(', ')}`);
  for (const name of repeated) builder.fail(place, name, 'appears twice');
  if (!header.includes('kind')) builder.fail(place, 'kind', 'the first line must name the columns, and it lacks kind');
  return unknown.length + repeated.length > 0 || !header.includes('kind') ? [] : header;
}

function addRow(
  builder: DocumentBuilder,
  header: readonly string[],
  record: readonly string[],
  place: DocumentPlace,
): void {
  const kind = (record[header.indexOf('kind')] ?? '').toLowerCase();
  if (!isKind(kind)) return builder.fail(place, 'kind', `must be ${KINDS.join(', ')}`);
  if (record.length > header.length)
    builder.fail(place, '', `has ${record.length} cells, and the header ${header.length}`);
  const own: readonly string[] = COLUMNS[kind];
  const value: Record<string, string | number | null> = {};
  for (const [index, name] of header.entries()) {
    const cell = record[index] ?? '';
    if (own.includes(name)) setValue(value, name, cell);
    else if (cell !== '' && name !== 'kind') builder.fail(place, name, `is not for a row of kind ${kind}`);
  }
  const { dpu_id: id, doorway = null, from = null, to = null, reason, device, options, ...fields } = value;
  switch (kind) {
    case 'space':
      return builder.space(place, fields);
    case 'doorway':
      return builder.doorway(place, fields);
    case 'placement':
      return builder.placement(place, id, { doorway, from });
    case 'exclusion':
      return builder.exclusion(place, { dpu_id: id, from, to, reason });
    case 'device':
      return addDevice(builder, place, { id: device, ...fields }, options);
    case 'dpu':
      if (doorway === null && from !== null)
        return builder.fail(place, 'from', 'needs a doorway; to place the DPU at none, use a row of kind placement');
      return builder.dpu(place, { id, ...fields, ...(doorway === null ? {} : { placements: [{ doorway, from }] }) });
  }
}

/** @param options as JSON; null for the defaults, undefined if there is no such column */
function addDevice(
  builder: DocumentBuilder,
  place: DocumentPlace,
  fields: object,
  options: string | number | null | undefined,
): void {
  if (typeof options !== 'string') return builder.device(place, options === null ? { ...fields, options } : fields);
  let value: unknown;
  try {
    value = JSON.parse(options);
  } catch {
    return builder.fail(place, 'options', 'must be JSON');
  }
  return builder.device(place, { ...fields, options: value });
}

const NUMBERS = ['capacity', 'daily_reset_count', 'counter_modulus'];
/** These fields have no "none": an empty cell leaves the default, or the current value. */
const NEVER_NONE = ['time_zone', 'daily_reset_count'];
/** Without these a row is about nothing. */
const NEVER_EMPTY = ['name', 'dpu_id', 'device', 'adapter'];

function setValue(value: Record<string, string | number | null>, name: string, cell: string): void {
  if (cell !== '') value[name] = NUMBERS.includes(name) && /^\d{1,15}$/.test(cell) ? Number(cell) : cell;
  else if (!NEVER_NONE.includes(name)) value[name] = NEVER_EMPTY.includes(name) ? '' : null;
}
