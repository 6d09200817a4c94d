// Readings as CSV, the same for files and for request bodies: a header line that names the columns, in any order and case.
import type { Options } from 'csv-parse';
import { Failure } from '../domain/failure.ts';

const REQUIRED_COLUMNS = ['timestamp', 'dpu_id'] as const;
/** At least one of these sets is also required: the columns of a form of readings. */
const FORMS = [['direction'], ['entrances', 'exits'], ['total_entrances', 'total_exits']] as const;

/** Options for csv-parse. Parsing fails with a Failure if a required column is missing. */
export const CSV_READINGS = {
  columns: (header: string[]) => requireColumns(header.map((name) => name.trim().toLowerCase())),
  bom: true,
  trim: true,
  skip_empty_lines: true,
  relax_column_count: true,
  relax_quotes: true,
  record_delimiter: ['\r\n', '\n', '\r'],
} satisfies Options;

/**
 * A row as a reading that is not parsed yet. An empty cell means an absent field, except that a row must have a
 * timestamp.
 */
export function csvReading(row: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(row).filter(([name, cell]) => cell !== '' || name === 'timestamp'));
}

function requireColumns(header: string[]): string[] {
  const missing: string[] = REQUIRED_COLUMNS.filter((name) => !header.includes(name));
  if (!FORMS.some((form) => form.every((name) => header.includes(name))))
    missing.push(FORMS.map((form) => form.join(' and ')).join(', or '));
  if (missing.length > 0)
    throw new Failure('invalid', `the first line must name the columns; missing: ${missing.join(', ')}`);
  return header;
}
