// `density topology import` and `export`: the whole topology as a document, through the API.
import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import { ApiClient, ApiError, type ApiErrorDetail } from './api-client.ts';
import { dryRunLines, type DryRunJson } from './dry-run.ts';
import { withApi } from './topology-commands.ts';

interface Tally {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

interface Imported {
  readonly dry_run: boolean;
  readonly spaces: Tally;
  readonly doorways: Tally;
  readonly dpus: Tally;
  readonly devices: Tally;
  readonly exclusions: Tally;
  readonly changes: readonly {
    readonly line: number;
    readonly kind: string;
    readonly name: string;
    readonly action: 'create' | 'update';
    readonly fields: readonly string[];
  }[];
  readonly changes_count: number;
  /** Of a dry run. */
  readonly effect?: DryRunJson | null;
  readonly effect_unknown?: string;
}

interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly ApiErrorDetail[];
}

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly url?: string;
}

interface ExportOptions {
  readonly format?: Format;
  readonly knownAt?: string;
  readonly url?: string;
}

type Format = 'json' | 'csv';
const TYPES: Readonly<Record<Format, string>> = { json: 'application/json', csv: 'text/csv' };
const CHANGES_SHOWN_MAX = 20;
const FAILED = 1;

export function topologyCommand(
  readConfig: ReadConfig,
  printLine: PrintLine,
  warn: PrintLine,
  finish: (code: number) => void,
): Command {
  const topology = new Command('topology').description(
    'import and export spaces, doorways, DPUs and devices as a document (docs/topology.md)',
  );
  withApi(
    topology
      .command('import')
      .description('register the contents of a CSV or JSON file; nothing is written if anything in it is wrong')
      .argument('<file>', 'the document; importing it again changes nothing'),
  )
    .option('--dry-run', 'print what would be created and changed, without changing anything')
    .action(async (file: string, options: ImportOptions) =>
      finish(await importDocument(new ApiClient(await readConfig(), options), file, options, printLine, warn)),
    );
  topology
    .command('export')
    .description('write the topology as a document that can be imported')
    .argument('[file]', 'the file to write; default: standard output')
    .addOption(new Option('--format <format>', "default: the one of the file's name, or csv").choices(['csv', 'json']))
    .option('--known-at <moment>', 'the topology of then: the as_of of an answer, or an ISO 8601 instant')
    .option('--url <url>', 'URL of the service; default: from HOST and PORT')
    .action(async (file: string | undefined, options: ExportOptions) =>
      finish(await exportDocument(new ApiClient(await readConfig(), options), file, options, printLine)),
    );
  return topology;
}

/**
 * @returns 0 if the document is registered, or could be; 1 if something in it is wrong
 */
async function importDocument(
  client: ApiClient,
  file: string,
  { dryRun = false, json = false }: ImportOptions,
  printLine: PrintLine,
  warn: PrintLine,
): Promise<number> {
  const body = await readFile(file).catch((error: unknown) => {
    throw new Error(`cannot read ${file}`, { cause: error });
  });
  const bar = new SingleBar({ format: '{bar} {percentage}% | {value} of {total} entries', clearOnComplete: true });
  try {
    const response = await client.fetch(`/topology/import?dry_run=${dryRun}`, {
      method: 'POST',
      headers: { 'content-type': TYPES[formatOf(file) ?? formatIn(body)], accept: 'application/x-ndjson' },
      body,
    });
    const result = await resultIn(response, bar);
    if (json) printLine(JSON.stringify(result));
    else for (const line of described(file, result)) printLine(line);
    return 0;
  } catch (error) {
    if (!(error instanceof ApiError) || error.errors.length === 0) throw error;
    bar.stop();
    warn(`${file}: ${error.message}`);
    for (const { line, path, detail } of error.errors)
      warn(`  line ${line}: ${path === '' ? '' : `${path}: `}${detail}`);
    return FAILED;
  } finally {
    bar.stop();
  }
}

/** The lines of the answer: the progress, and finally the result or the problem. */
async function resultIn({ body }: Response, bar: SingleBar): Promise<Imported> {
  const lines = createInterface({ input: Readable.fromWeb(body as ReadableStream) });
  let last: Imported | Problem | undefined;
  for await (const text of lines) {
    const line = JSON.parse(text) as { done: number; total: number } | Imported | Problem;
    if ('done' in line) {
      bar.start(line.total, line.done);
    } else last = line;
  }
  if (last === undefined) throw new ApiError('the service ended in the middle of the import; import again', undefined);
  if ('status' in last) throw new ApiError(last.detail, last.status, undefined, last.errors);
  return last;
}

function* described(file: string, imported: Imported): Generator<string> {
  const { dry_run: isDryRun, spaces, doorways, dpus, devices, exclusions, changes, changes_count: count } = imported;
  const { effect, effect_unknown: unknown } = imported;
  yield isDryRun ? `${file}: the document is valid; an import would do this` : `${file}: imported`;
  for (const [kind, { created, updated, unchanged }] of Object.entries({
    spaces,
    doorways,
    DPUs: dpus,
    devices,
    exclusions,
  }))
    yield `  ${kind}: ${created} created, ${updated} updated, ${unchanged} unchanged`;
  if (!isDryRun) return;
  for (const { line, kind, name, action, fields } of changes.slice(0, CHANGES_SHOWN_MAX))
    yield `  line ${line}: ${action} ${kind} ${JSON.stringify(name)}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`;
  if (count > CHANGES_SHOWN_MAX) yield `  … and ${count - CHANGES_SHOWN_MAX} more (--json prints 1,000)`;
  if (effect) yield* dryRunLines(effect);
  else yield `what it would do to counts is not known: ${unknown ?? 'the service is of an earlier version'}`;
}

/** @returns 0 */
async function exportDocument(
  client: ApiClient,
  file: string | undefined,
  { format, knownAt }: ExportOptions,
  printLine: PrintLine,
): Promise<number> {
  const type = TYPES[format ?? formatOf(file) ?? 'csv'];
  const known = knownAt === undefined ? '' : `?${new URLSearchParams({ known_at: knownAt }).toString()}`;
  const response = await client.fetch(`/topology/export${known}`, { headers: { accept: type } });
  if (file === undefined) {
    printLine((await response.text()).replace(/\n$/, ''));
    return 0;
  }
  const source = Readable.fromWeb(response.body as ReadableStream);
  await pipeline(source, createWriteStream(file)).catch(async (error: unknown) => {
    await rm(file, { force: true });
    throw new Error(`cannot write ${file}`, { cause: error });
  });
  return 0;
}

function formatOf(file = ''): Format | undefined {
  return /\.json$/i.test(file) ? 'json' : /\.csv$/i.test(file) ? 'csv' : undefined;
}

/** Decides by the first character that is not white space. */
function formatIn(body: Buffer): Format {
  return body.toString('latin1', 0, 1_000).trimStart().startsWith('{') ? 'json' : 'csv';
}
