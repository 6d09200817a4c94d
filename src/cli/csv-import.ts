// Publishes the readings of a CSV file to the READINGS log. Repeating an import is harmless: readings
// have an identity.
import { createReadStream } from 'node:fs';
import { parse, type Info } from 'csv-parse';
import { parseReading, type SentReading } from '../domain/parse-reading.ts';
import { missingColumns, readingOfRow } from '../domain/reading-table.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import { appendReadings } from '../publishing/append-readings.ts';

/** Rows that are held until they are stored; so many that of each DPU there are some, which share a message. */
const ROWS_PER_CHUNK = 20_000;
/** A file is not sent again as easily as a request is. */
const RETRY = { retries: 10, minTimeout: 200, maxTimeout: 5_000, randomize: true } as const;

export interface RejectedLine {
  readonly line: number;
  readonly detail: string;
}

export interface ImportResult {
  readonly accepted: number;
  readonly rejected: RejectedLine[];
}

export interface ImportOptions {
  readonly latestMs: number;
  readonly onProgress: (bytes: number, accepted: number, rejected: number) => void;
}

interface CsvRow {
  readonly record: Readonly<Record<string, string>>;
  readonly info: Info;
}

/** @throws Error when a column is missing or NATS does not store */
export async function importCsv(
  file: string,
  log: ReadingsLog,
  { latestMs, onProgress }: ImportOptions,
): Promise<ImportResult> {
  const parser = createReadStream(file).pipe(
    parse({
      columns: (header: string[]) => requireColumns(header.map((name) => name.trim().toLowerCase())),
      bom: true,
      info: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      relax_quotes: true,
    }),
  );
  const rejected: RejectedLine[] = [];
  let accepted = 0;
  let chunk: SentReading[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    await appendReadings(log, chunk, RETRY);
    accepted += chunk.length;
    chunk = [];
    onProgress(bytes, accepted, rejected.length);
  };
  for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
    ({ bytes } = info);
    const parsed = parseReading(readingOfRow(record), { latestMs });
    if (parsed.ok) chunk.push(parsed.reading);
    else rejected.push({ line: info.lines, detail: parsed.rejection.detail });
    if (chunk.length >= ROWS_PER_CHUNK) await send();
  }
  await send();
  return { accepted, rejected };
}

function requireColumns(header: string[]): string[] {
  const missing = missingColumns(header);
  if (missing.length > 0) throw new Error(`the first line must name the columns; missing: ${missing.join(', ')}`);
  return header;
}
