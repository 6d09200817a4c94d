// A table of readings, as CSV has them: one row each, and a column for each field.

const FORMS: readonly (readonly string[])[] = [
  ['direction'],
  ['entrances', 'exits'],
  ['total_entrances', 'total_exits'],
];

/** What the header of a table lacks, for people; empty when nothing. */
export function missingColumns(header: readonly string[]): string[] {
  const missing = ['timestamp', 'dpu_id'].filter((name) => !header.includes(name));
  const hasForm = FORMS.some((form) => form.every((name) => header.includes(name)));
  return hasForm ? missing : [...missing, 'direction, or entrances and exits, or total_entrances and total_exits'];
}

/** A row as `parseReading` takes it: an empty cell is no value. But a row without a timestamp is a mistake in a table. */
export function readingOfRow(row: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(row).filter(([name, cell]) => cell !== '' || name === 'timestamp'));
}
