// The items of a batch as they arrive: a JSON array, lines of JSON, or CSV, each also compressed. Nothing is held but what
// has arrived and was not yet taken: memory does not grow with the batch.
import { finished, pipeline, Transform, type Duplex, type Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { JSONParser } from '@streamparser/json';
import { CsvError, parse as parseCsv } from 'csv-parse';
import type { Context } from 'koa';
import { missingColumns, readingOfRow } from '../../domain/reading-table.ts';
import { HttpProblem } from '../problem.ts';

const BATCH_BYTES_MAX = 50_000_000;

/** Of one item. A reading takes 150; what is decoded piece by piece has to end somewhere. */
const ITEM_BYTES_MAX = 256_000;

/** A decoded item, or why it cannot be decoded. */
export type BatchItem = { readonly value: unknown } | { readonly malformed: string };

const READERS: Readonly<Record<string, (body: Readable) => AsyncIterable<BatchItem[]>>> = {
  'application/json': jsonItems,
  'application/x-ndjson': lineItems,
  'application/ndjson': lineItems,
  'application/jsonl': lineItems,
  'text/csv': csvItems,
};

/** @throws HttpProblem 400 when it cannot be read on, 413 past 50 MB, 415 for another type or encoding */
export function batchItems(ctx: Context): AsyncIterable<BatchItem[]> {
  const type = ctx.request.is(...Object.keys(READERS));
  const read = typeof type === 'string' ? READERS[type] : undefined;
  if (!read)
    throw new HttpProblem(415, 'send readings as application/json (an array), application/x-ndjson or text/csv');
  return guarded(read(decompressed(ctx)));
}

async function* guarded(items: AsyncIterable<BatchItem[]>): AsyncIterable<BatchItem[]> {
  try {
    yield* items;
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    if (error instanceof CsvError && error.code === 'CSV_MAX_RECORD_SIZE') throw tooLong('a line');
    throw new HttpProblem(400, `the body cannot be read on: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function tooLong(what: string): HttpProblem {
  return new HttpProblem(413, `${what} of a batch may hold at most ${ITEM_BYTES_MAX / 1e3} kB`);
}

function decompressed(ctx: Context): Readable {
  const encoding = ctx.get('content-encoding').trim().toLowerCase();
  const decoder =
    encoding === 'gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : undefined;
  if (!decoder && encoding !== '' && encoding !== 'identity')
    throw new HttpProblem(415, 'the content-encoding must be gzip, deflate, br or identity');
  // Counted after decompression: what is small on the wire may be large.
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > BATCH_BYTES_MAX)
        done(new HttpProblem(413, `a batch may hold at most ${BATCH_BYTES_MAX / 1e6} MB; send it in parts`));
      else done(null, chunk);
    },
  });
  // What goes wrong is thrown where the last stream is read. The request itself is not destroyed with it: its client would see a
  // broken connection instead of the answer.
  const ignore = (): void => undefined;
  const first: Duplex = decoder ?? limit;
  if (decoder) pipeline(decoder, limit, ignore);
  finished(ctx.req, { writable: false }, (error) => error && first.destroy(error));
  ctx.req.pipe(first);
  return limit;
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
  if (!parser.isEnded) throw new Error('the array does not end');
}

/** By its first byte that is not blank; undefined when there is none yet. */
function startsArray(chunk: Buffer): boolean | undefined {
  const first = /\S/.exec(chunk.toString('latin1', 0, 64))?.[0];
  return first === undefined ? undefined : first === '[';
}

async function* lineItems(body: Readable): AsyncIterable<BatchItem[]> {
  // By the chunk: an iteration for each line would be most of the work.
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
    columns: (header: string[]) => requireColumns(header.map((name) => name.trim().toLowerCase())),
    max_record_size: ITEM_BYTES_MAX,
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    relax_quotes: true,
    record_delimiter: ['\r\n', '\n', '\r'],
  });
  pipeline(body, parser, () => undefined);
  for await (const record of parser as AsyncIterable<Record<string, string>>) yield [{ value: readingOfRow(record) }];
}

function requireColumns(header: string[]): string[] {
  const missing = missingColumns(header);
  if (missing.length > 0)
    throw new HttpProblem(422, `the first line must name the columns; missing: ${missing.join(', ')}`);
  return header;
}
