// Readings as CSV, the same for files and for request bodies: a header line that names the columns, in any order and case.
import type { Options } from 'csv-parse';
import { Failure } from '../domain/failure.ts';

const REQUIRED_COLUMNS = ['timestamp', 'direction', 'dpu_id'] as const;

/** Options for csv-parse. Parsing fails with a Failure when a required column is missing. */
export const CSV_READINGS = {
  columns: (header: string[]) => requireColumns(header.map((name) => name.trim().toLowerCase())),
  bom: true,
  trim: true,
  skip_empty_lines: true,
  relax_column_count: true,
  relax_quotes: true,
  record_delimiter: ['\r\n', '\n', '\r'],
} satisfies Options;

/** A row as a reading that was not parsed yet. An empty `id` cell means that the reading has no id. */
export function csvReading({ id, ...row }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return id ? { ...row, id } : row;
}

function requireColumns(header: string[]): string[] {
  const missing = REQUIRED_COLUMNS.filter((name) => !header.includes(name));
  if (missing.length > 0)
    throw new Failure('invalid', `the first line must name the columns; missing: ${missing.join(', ')}`);
  return header;
}
