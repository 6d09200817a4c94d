// Parses the body of a batch as a stream: a JSON array, JSON lines or CSV, compressed or not. Memory use does not
// grow with the size of the batch.
import { pipeline, type Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { JSONParser } from '@streamparser/json';
import { CsvError, parse as parseCsv } from 'csv-parse';
import type { Context } from 'koa';
import { Failure } from '../../domain/failure.ts';
import { CSV_READINGS, csvReading } from '../../publishing/csv-readings.ts';
import { decompressed } from '../decompressed.ts';
import { HttpProblem } from '../problem.ts';

const BATCH_BYTES_MAX = 50_000_000;

/** A reading takes about 150 bytes. The limit prevents an endless item from filling the memory. */
const ITEM_BYTES_MAX = 256_000;

/** A decoded item, or the reason why it cannot be decoded. */
export type BatchItem = { readonly value: unknown } | { readonly malformed: string };

const READERS: Readonly<Record<string, (body: Readable) => AsyncIterable<BatchItem[]>>> = {
  'application/json': jsonItems,
  'application/x-ndjson': lineItems,
  'application/ndjson': lineItems,
  'application/jsonl': lineItems,
  'text/csv': csvItems,
};

/** @throws HttpProblem 400 for a malformed body, 413 beyond 50 MB, 415 for another type or encoding; Failure invalid */
export function batchItems(ctx: Context): AsyncIterable<BatchItem[]> {
  const type = ctx.request.is(...Object.keys(READERS));
  const read = typeof type === 'string' ? READERS[type] : undefined;
  if (!read)
    throw new HttpProblem(415, 'send readings as application/json (an array), application/x-ndjson or text/csv');
  return guarded(read(decompressed(ctx, BATCH_BYTES_MAX, 'a batch may hold at most 50 MB; send it in parts')));
}

async function* guarded(items: AsyncIterable<BatchItem[]>): AsyncIterable<BatchItem[]> {
  try {
    yield* items;
  } catch (error) {
    if (error instanceof HttpProblem || error instanceof Failure) throw error;
    if (error instanceof CsvError && error.code === 'CSV_MAX_RECORD_SIZE') throw tooLong('a line');
    throw new HttpProblem(400, `the body is malformed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function tooLong(what: string): HttpProblem {
  return new HttpProblem(413, `${what} of a batch may hold at most ${ITEM_BYTES_MAX / 1e3} kB`);
}

async function* jsonItems(body: Readable): AsyncIterable<BatchItem[]> {
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  let items: BatchItem[] = [];
  let failure: Error | undefined;
  let isArray: boolean | undefined;
  let bytes = 0;
  parser.onValue = ({ value }) => void items.push({ value });
  parser.onError = (error) => (failure = error);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    isArray ??= startsArray(chunk);
    if (isArray === false) throw new HttpProblem(422, 'the body must be an array of readings');
    parser.write(chunk);
    bytes = items.length > 0 ? 0 : bytes + chunk.length;
    if (bytes > ITEM_BYTES_MAX) throw tooLong('an item');
    if (items.length > 0) yield items;
    items = [];
    if (failure) throw failure;
  }
  if (!parser.isEnded) throw new Error('the array is not closed');
}

/** Decides by the first byte that is not white space; undefined if there is none yet. */
function startsArray(chunk: Buffer): boolean | undefined {
  const first = /\S/.exec(chunk.toString('latin1', 0, 64))?.[0];
  return first === undefined ? undefined : first === '[';
}

async function* lineItems(body: Readable): AsyncIterable<BatchItem[]> {
  // Splits whole chunks, because iterating over single lines would cost more than parsing them.
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > ITEM_BYTES_MAX) throw tooLong('a line');
    yield itemsOf(lines);
  }
  yield itemsOf([rest + decoder.end()]);
}

function itemsOf(lines: readonly string[]): BatchItem[] {
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        return { value: JSON.parse(line) as unknown };
      } catch (error) {
        return { malformed: `the line is not JSON: ${error instanceof Error ? error.message : String(error)}` };
      }
    });
}

async function* csvItems(body: Readable): AsyncIterable<BatchItem[]> {
  const parser = parseCsv({
    ...CSV_READINGS,
    max_record_size: ITEM_BYTES_MAX,
  });
  pipeline(body, parser, () => undefined);
  for await (const row of parser as AsyncIterable<Record<string, string>>) yield [{ value: csvReading(row) }];
}
