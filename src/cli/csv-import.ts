// Publishes the readings of a CSV file to the READINGS log. Repeating an import is harmless: readings
// have an identity.
import { createReadStream } from 'node:fs';
import { parse, type Info } from 'csv-parse';
import pRetry from 'p-retry';
import type { DpuId } from '../domain/ids.ts';
import { formatInstant } from '../domain/instant.ts';
import { parseReading, type Reading } from '../domain/reading.ts';
import type { ReadingsLog } from '../ports.ts';

const COLUMNS = ['timestamp', 'direction', 'dpu_id'] as const;
/** Rows that are grouped by DPU into one message each, and messages on their way at once. */
const ROWS_PER_CHUNK = 2_000;
const PUBLISH_RETRIES = 10;
const encoder = new TextEncoder();

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
export async function importCsv(file: string, log: ReadingsLog, { latestMs, onProgress }: ImportOptions): Promise<ImportResult> {
  const parser = createReadStream(file).pipe(parse({
    columns: (header: string[]) => requireColumns(header.map((name) => name.trim().toLowerCase())),
    bom: true, info: true, trim: true, skip_empty_lines: true, relax_column_count: true, relax_quotes: true,
  }));
  const rejected: RejectedLine[] = [];
  let accepted = 0;
  let chunk: Reading[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    await publish(chunk, log);
    accepted += chunk.length;
    chunk = [];
    onProgress(bytes, accepted, rejected.length);
  };
  for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
    ({ bytes } = info);
    const { timestamp, direction, dpu_id: dpuId, id } = record;
    const parsed = parseReading({ timestamp, direction, dpu_id: dpuId, ...(id ? { id } : {}) }, { latestMs });
    if (parsed.ok) chunk.push(parsed.reading);
    else rejected.push({ line: info.lines, detail: parsed.rejection.detail });
    if (chunk.length >= ROWS_PER_CHUNK) await send();
  }
  await send();
  return { accepted, rejected };
}

function requireColumns(header: string[]): string[] {
  const missing = COLUMNS.filter((name) => !header.includes(name));
  if (missing.length > 0) throw new Error(`the first line must name the columns; missing: ${missing.join(', ')}`);
  return header;
}

async function publish(readings: readonly Reading[], log: ReadingsLog): Promise<void> {
  const byDpu = new Map<DpuId, object[]>();
  for (const { dpuId, timestampMs, direction, name } of readings) {
    const message = { timestamp: formatInstant(timestampMs), direction, ...(name === undefined ? {} : { id: name }) };
    const list = byDpu.get(dpuId);
    if (list) list.push(message);
    else byDpu.set(dpuId, [message]);
  }
  await Promise.all([...byDpu].map(([dpuId, messages]) =>
    pRetry(() => log.append(dpuId, encoder.encode(JSON.stringify(messages))), { retries: PUBLISH_RETRIES, minTimeout: 200, maxTimeout: 5_000, randomize: true })));
}
