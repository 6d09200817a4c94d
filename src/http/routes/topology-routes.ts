// The topology as a document: import and export.
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import type { SingleFact } from '../../domain/topology.ts';
import type { RegistrationView } from '../../domain/topology-command.ts';
import { formatPlace, placeIn, requireNothingSince } from '../../domain/topology-place.ts';
import type { TopologyDocument } from '../../domain/topology-document.ts';
import { Slots } from '../../runtime/slots.ts';
import { MACHINE_TIMING } from '../../runtime/timing.ts';
import { DocumentRefused, importTopology, planImport, type ImportResult } from '../../topology/import-topology.ts';
import { authorOf } from '../auth/auth.ts';
import { dryRunJson } from '../dry-run-json.ts';
import { decompressed } from '../decompressed.ts';
import { HttpProblem, problemOf, problemText } from '../problem.ts';
import { logOf, requestIdOf } from '../request-state.ts';
import { booleanInQuery } from '../schemas/fields.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { topologyDocument } from '../schemas/topology-document.ts';
import { topologyImport } from '../schemas/topology-import.ts';
import { readCsvDocument } from '../topology-document/csv-document.ts';
import { DocumentBuilder } from '../topology-document/document-builder.ts';
import { exportCsv, exportJson } from '../topology-document/export-document.ts';
import { readJsonDocument } from '../topology-document/json-document.ts';
import { asOfIn, IF_AS_OF, requireNoEtag, type Changing } from './change.ts';
import { defineRoute, type Route } from './route.ts';
import { SPACE_FIELDS_EXAMPLE } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const DOCUMENT_BYTES_MAX = 50_000_000;
/** Each import may hold a document of that size in memory. The body of an import that waits is not read. */
const [IMPORTS_MAX, IMPORTS_WAITING_MAX] = [2, 200];
const PROGRESS = 'application/x-ndjson';

const READERS: Readonly<Record<string, (body: Readable, builder: DocumentBuilder) => Promise<void>>> = {
  'application/json': readJsonDocument,
  'text/csv': readCsvDocument,
};

const EXAMPLE = {
  spaces: [SPACE_FIELDS_EXAMPLE],
  doorways: [{ name: 'Main entrance', external_id: null, ingress_space: 'Hall', egress_space: null }],
  dpus: [{ id: '423', counter_modulus: null, placements: [{ doorway: 'Main entrance', from: null }] }],
  exclusions: [
    {
      dpu_id: '423',
      from: '2018-02-24T20:00:00.000Z',
      to: '2018-02-24T20:45:00.000Z',
      reason: 'the cleaning crew',
    },
  ],
  devices: [{ id: '00:6E:02:01:02:03', adapter: 'xovis', options: { reversed: ['2'] } }],
};
const CSV_EXAMPLE = `kind,name,time_zone,ingress_space,dpu_id,doorway,from
space,Hall,Europe/Vienna,,,,
doorway,Main entrance,,Hall,,,
dpu,,,,423,Main entrance,
`;
const RESULT_EXAMPLE = {
  dry_run: false,
  spaces: { created: 1, updated: 0, unchanged: 0 },
  doorways: { created: 0, updated: 0, unchanged: 1 },
  dpus: { created: 0, updated: 0, unchanged: 1 },
  devices: { created: 0, updated: 0, unchanged: 0 },
  exclusions: { created: 0, updated: 0, unchanged: 0 },
  changes: [{ line: 2, kind: 'space', name: 'Hall', action: 'create', fields: [] }],
  changes_count: 1,
};

export function topologyRoutes(changing: Changing, reads: TopologyReads, now: () => number): Route[] {
  return [importRoute(changing, now), exportRoute(reads)];
}

function importRoute(changing: Changing, now: () => number): Route {
  const slots = new Slots(IMPORTS_MAX, IMPORTS_WAITING_MAX);
  return defineRoute({
    method: 'POST',
    path: '/topology/import',
    operationId: 'importTopology',
    tag: 'topology',
    summary: 'Register spaces, doorways and sensors from a document',
    scope: 'topology:write',
    description:
      'JSON or CSV of up to 50 MB and 500,000 entries (docs/topology.md). The whole document is checked first, and nothing is written if anything is wrong. ' +
      'Entries that are already registered as in the document are unchanged, so importing a document again has no effect. ' +
      'A client that accepts application/x-ndjson gets lines with the progress; the last line is the answer, or a problem.',
    query: z.strictObject({
      dry_run: booleanInQuery(
        'report what would be created and changed, and what that would do to counts, without changing anything',
      ).optional(),
    }),
    streamedBody: {
      'application/json': { schema: topologyDocument, example: EXAMPLE },
      'text/csv': { example: CSV_EXAMPLE },
    },
    problems: [406, 409, 412],
    requestHeaders: IF_AS_OF,
    success: {
      status: 200,
      description: 'what was created and changed',
      schema: topologyImport,
      example: RESULT_EXAMPLE,
      alternatives: { [PROGRESS]: `{"done":2,"total":3}\n${JSON.stringify(RESULT_EXAMPLE)}\n` },
    },
    handle: async ({ query: { dry_run: isDryRun = false } }, ctx) => {
      const type = ctx.accepts('json', PROGRESS);
      if (type === false) throw new HttpProblem(406, `the answer is available as application/json and ${PROGRESS}`);
      if (slots.isFull) throw new Failure('unavailable', 'too many imports are waiting', { retryAfterSeconds: 10 });
      const run = (onWritten: (done: number, total: number) => void): Promise<object> =>
        slots.run(async () => {
          const document = await documentIn(ctx);
          const done = isDryRun
            ? tried(ctx, changing, document, now)
            : imported(ctx, changing, document, now, onWritten);
          return done.catch((error: unknown) => {
            throw error instanceof DocumentRefused ? refusal(error) : error;
          });
        });
      return type === 'json' ? run(() => undefined) : answerProgress(ctx, run);
    },
  });
}

function exportRoute(reads: TopologyReads): Route {
  return defineRoute({
    method: 'GET',
    path: '/topology/export',
    operationId: 'exportTopology',
    tag: 'topology',
    summary: 'Get the topology as a document that can be imported',
    scope: 'read',
    description:
      'Deleted things are left out, and so are the placements of a sensor up to its last one at a deleted doorway. It contains neither ids of the service, nor resets, nor secrets of devices.',
    problems: [406],
    query: z.strictObject(topologyKnownAt),
    success: {
      status: 200,
      description: 'the whole topology',
      schema: resources.topologyExport,
      example: EXAMPLE,
      alternatives: { 'text/csv': CSV_EXAMPLE },
      headers: TOPOLOGY_AS_OF_HEADER,
    },
    handle: ({ query }, ctx) => {
      ctx.vary('accept');
      const type = ctx.accepts('json', 'text/csv');
      if (type === false) throw new HttpProblem(406, 'the answer is available as application/json and text/csv');
      ctx.type = type === 'json' ? 'application/json' : 'text/csv; charset=utf-8';
      const { view } = reads.read(ctx, query);
      const lines = type === 'json' ? exportJson(view) : exportCsv(view);
      ctx.body = Readable.from(lines, { objectMode: false });
    },
  });
}

async function documentIn(ctx: Context): Promise<TopologyDocument> {
  const type = ctx.request.is(...Object.keys(READERS));
  const read = typeof type === 'string' ? READERS[type] : undefined;
  if (!read) throw new HttpProblem(415, 'send the document as application/json or text/csv');
  const builder = new DocumentBuilder();
  await read(decompressed(ctx, DOCUMENT_BYTES_MAX, 'a document may hold at most 50 MB; import it in parts'), builder);
  return builder.document;
}

async function imported(
  ctx: Context,
  { topology }: Changing,
  document: TopologyDocument,
  now: () => number,
  onWritten: (done: number, total: number) => void,
): Promise<object> {
  const asOf = asOfIn(ctx);
  if (!asOf) requireNoEtag(ctx);
  const result = await importTopology(topology, document, {
    by: authorOf(ctx),
    asOf,
    now,
    timing: MACHINE_TIMING,
    onProgress: ({ phase, done, total }) => phase === 'write' && onWritten(done, total),
  });
  return { dry_run: false, ...resultJson(result) };
}

/** A document can be checked even if it is about too much for a dry run, or if counts cannot be answered now. */
async function tried(
  ctx: Context,
  { topology, dryRuns }: Changing,
  document: TopologyDocument,
  now: () => number,
): Promise<object> {
  const since = asOfIn(ctx);
  if (!since) requireNoEtag(ctx);
  let [result, asOf]: [ImportResult | undefined, string | undefined] = [undefined, undefined];
  const plan = async (view: RegistrationView): Promise<readonly SingleFact[]> => {
    if (since) requireNothingSince(topology.history, since);
    asOf = formatPlace(placeIn(topology.history));
    const planned = await planImport(view, document, { now, timing: MACHINE_TIMING, onProgress: () => undefined });
    ({ result } = planned);
    return planned.facts;
  };
  const effect = await dryRuns.of(plan).catch((error: unknown) => {
    if (!result || !(error instanceof Failure)) throw error;
    return error.message;
  });
  return {
    dry_run: true,
    ...(result ? resultJson(result) : {}),
    as_of: asOf,
    effect: typeof effect === 'string' ? null : dryRunJson(effect),
    ...(typeof effect === 'string' ? { effect_unknown: effect } : {}),
  };
}

function resultJson({ spaces, doorways, dpus, devices, exclusions, changes, changesCount }: ImportResult): object {
  return { spaces, doorways, dpus, devices, exclusions, changes, changes_count: changesCount };
}

function refusal({ message, errors, written }: DocumentRefused): HttpProblem {
  const [first] = errors;
  const where = first ? `; line ${first.line}: ${first.path === '' ? '' : `${first.path}: `}${first.detail}` : '';
  if (written === 0) return new HttpProblem(422, `${message}, and nothing was written${where}`, errors);
  return new HttpProblem(
    409,
    `another client or process changed the topology during the import, and ${written} entries are written${where}`,
    errors,
  );
}

/** Answers with lines once the document is found to be valid, so that a refusal still has its own status. */
async function answerProgress(
  ctx: Context,
  run: (onWritten: (done: number, total: number) => void) => Promise<object>,
): Promise<void> {
  const lines = new Readable({ read: () => undefined });
  const send = (line: object | string): boolean =>
    lines.push(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  const outcome = new Promise<void>((resolve, reject) => {
    let hasBegun = false;
    const begin = (): void => {
      hasBegun = true;
      resolve();
    };
    run((done, total) => {
      send({ done, total });
      begin();
    })
      .then(
        (result) => {
          send(result);
          begin();
        },
        (error: unknown) => {
          if (hasBegun) send(problemLine(ctx, error));
          else reject(error instanceof Error ? error : new Error(String(error)));
        },
      )
      .finally(() => lines.push(null));
  });
  await outcome;
  ctx.type = PROGRESS;
  ctx.body = lines;
}

function problemLine(ctx: Context, error: unknown): string {
  const about = { instance: ctx.path, requestId: requestIdOf(ctx) };
  if (error instanceof HttpProblem) return problemText(error.status, error.message, { ...about, errors: error.errors });
  if (error instanceof Failure) {
    const { status, detail } = problemOf(error);
    return problemText(status, detail, about);
  }
  logOf(ctx).error({ err: error, path: ctx.path }, 'an import failed');
  return problemText(500, 'an internal error; the log has the details under this request id', about);
}
