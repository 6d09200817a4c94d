// Publishes the readings of a CSV file to READINGS. Repeating an import changes nothing, because duplicates are
// recognised.
import { createReadStream } from 'node:fs';
import { parse, type Info } from 'csv-parse';
import { parseReading, type SentReading } from '../domain/parse-reading.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import { appendReadings } from '../publishing/append-readings.ts';
import { CSV_READINGS, csvReading } from '../publishing/csv-readings.ts';

/** Large enough that each DPU has several rows in a chunk, which then share a message. */
const ROWS_PER_CHUNK = 20_000;
/** Longer than for a request, because repeating an import takes long. */
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

/**
 * @throws Failure if a column is missing; the error of the log if it does not store the readings
 */
export async function importCsv(
  file: string,
  log: ReadingsLog,
  { latestMs, onProgress }: ImportOptions,
): Promise<ImportResult> {
  const parser = createReadStream(file).pipe(parse({ ...CSV_READINGS, info: true }));
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
    const parsed = parseReading(csvReading(record), { latestMs });
    if (parsed.ok) chunk.push(parsed.reading);
    else rejected.push({ line: info.lines, detail: parsed.rejection.detail });
    if (chunk.length >= ROWS_PER_CHUNK) await send();
  }
  await send();
  return { accepted, rejected };
}
