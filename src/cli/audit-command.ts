// `density audit`: who changed what in the topology, and when.
import type { Config } from '../config.ts';
import { LIMIT_MAX } from '../http/paging.ts';
import { ApiClient, type ApiOptions } from './api-client.ts';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

export interface AuditOptions extends ApiOptions {
  readonly json?: boolean;
  readonly limit: number;
  readonly kind?: string;
  readonly space?: string;
  readonly doorway?: string;
  readonly dpu?: string;
  readonly by?: string;
  readonly from?: string;
  readonly to?: string;
}

type Fields = Readonly<Record<string, unknown>>;

interface ChangeJson {
  readonly sequence: number;
  readonly kind: string;
  readonly space_id: number | null;
  readonly doorway_id: number | null;
  readonly dpu_id: string | null;
  readonly before: Fields | null;
  readonly after: Fields | null;
  readonly at: string;
  readonly by: string | null;
}

/** Prints the newest changes, newest first. @returns 0. @throws ApiError if the service rejects the request */
export async function auditCommand(
  config: Config,
  { json, limit, space, doorway, dpu, kind, by, from, to, ...options }: AuditOptions,
  printLine: PrintLine,
): Promise<number> {
  const query = new URLSearchParams({ limit: String(Math.min(limit, LIMIT_MAX)) });
  const given = { kind, space_id: space, doorway_id: doorway, dpu_id: dpu, by, from, to };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, value);
  const client = new ApiClient(config, options);
  const changes: ChangeJson[] = [];
  for (let path: string | undefined = `/audit?${query.toString()}`; path !== undefined && changes.length < limit;) {
    const response: Response = await client.fetch(path);
    changes.push(...((await response.json()) as ChangeJson[]));
    path = /<\/api\/v1([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  const found = changes.slice(0, limit);
  if (json) printLine(JSON.stringify(found));
  else {
    const rows = found.map((change) => [change.at, change.by ?? 'unknown', subjectOf(change), changeOf(change)]);
    for (const line of table(['at', 'by', 'what', 'change'], rows)) printLine(line);
  }
  return 0;
}

function subjectOf({ kind, space_id: space, doorway_id: doorway, dpu_id: dpu, before, after }: ChangeJson): string {
  const id = (after ?? before)?.['id'];
  switch (kind) {
    case 'reset':
      return `reset ${String(id)} of space ${space}`;
    case 'exclusion':
      return `exclusion ${String(id)} of DPU ${dpu}`;
    case 'deletion':
      return `reading ${String(id)}`;
    case 'dpu':
      return `DPU ${dpu}`;
    default:
      return [kind, space ?? doorway ?? dpu].filter((part) => part !== null).join(' ');
  }
}

/** The fields that differ, without the times of the change itself. */
function changeOf({ before, after }: ChangeJson): string {
  if (after === null) return before === null ? '' : `removed ${fieldsOf(before, {})}`;
  if (before === null) return `added ${fieldsOf(after, {})}`;
  return fieldsOf(after, before);
}

const LEFT_OUT = new Set(['id', 'dpu_id', 'created_at', 'updated_at', 'recorded_at', 'deleted_at']);

function fieldsOf(fields: Fields, before: Fields): string {
  return Object.entries(fields)
    .filter(([name, value]) => !LEFT_OUT.has(name) && JSON.stringify(value) !== JSON.stringify(before[name] ?? null))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}
