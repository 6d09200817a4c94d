// `density revisions SPACE`: what has changed in a span since an earlier answer, and why, as a table that adds up.
import type { Config } from '../config.ts';
import { ApiClient, type ApiOptions } from './api-client.ts';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

export interface RevisionsOptions extends ApiOptions {
  readonly json?: boolean;
  readonly from: string;
  readonly to?: string;
  readonly since: string;
}

interface PeopleJson {
  readonly entrances: number;
  readonly exits: number;
  readonly net: number;
}

interface SpanJson extends PeopleJson {
  readonly count: number;
  readonly drift: number;
  readonly final: boolean;
}

interface RevisionJson extends PeopleJson {
  readonly kind: string;
  readonly changes: readonly { readonly sequence: number; readonly by: string | null; readonly at: string }[];
  readonly doorway_id: number | null;
  readonly dpu_id: string | null;
  readonly added: number;
  readonly removed: number;
  readonly first: string | null;
  readonly last: string | null;
}

interface RevisionsJson {
  readonly space_id: number;
  readonly from: string;
  readonly to: string;
  readonly before: SpanJson;
  readonly after: SpanJson;
  readonly revisions: readonly RevisionJson[];
  readonly stale?: true;
}

/** @returns 0. @throws ApiError if the service rejects the request */
export async function revisionsCommand(
  config: Config,
  space: string,
  { json, from, to, since, ...options }: RevisionsOptions,
  printLine: PrintLine,
): Promise<number> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ from, to, since })) if (value !== undefined) query.set(name, value);
  const path = `/counts/${encodeURIComponent(space)}/revisions?${query.toString()}`;
  const found = await new ApiClient(config, options).get<RevisionsJson>(path);
  if (json) printLine(JSON.stringify(found));
  else for (const line of linesOf(found)) printLine(line);
  return 0;
}

function linesOf({ space_id: space, from, to, before, after, revisions, stale }: RevisionsJson): string[] {
  return [
    `space ${space} from ${from} to ${to}${stale ? ' (may be out of date)' : ''}`,
    ...table(
      ['', 'entrances', 'exits', 'net', 'readings', 'from', 'to'],
      [
        [nameOf('before', before), before.entrances, before.exits, before.net, '', '', ''],
        ...revisions.map((one) => [
          causeOf(one),
          signed(one.entrances),
          signed(one.exits),
          signed(one.net),
          [one.added > 0 ? `+${one.added}` : '', one.removed > 0 ? `-${one.removed}` : ''].filter(Boolean).join(' '),
          one.first ?? '',
          one.last ?? '',
        ]),
        [nameOf('after', after), after.entrances, after.exits, after.net, '', '', ''],
      ],
    ),
    `count at the end: ${countOf(before)} before, ${countOf(after)} after`,
  ];
}

const nameOf = (name: string, { final }: SpanJson): string => `${name} (${final ? 'final' : 'not final'})`;
const countOf = ({ count, net, drift }: SpanJson): string => `${count} (net ${net} + ${drift} exits at zero)`;
const signed = (number: number): string => (number > 0 ? `+${number}` : String(number));

function causeOf({ kind, changes, doorway_id: doorway, dpu_id: dpu }: RevisionJson): string {
  const [first, ...others] = changes;
  return [
    kind.replaceAll('_', ' '),
    ...(dpu === null ? [] : [`of DPU ${dpu}`]),
    ...(doorway === null ? [] : [`at doorway ${doorway}`]),
    ...(first ? [`(${changes.map(({ sequence }) => sequence).join(', ')}`] : []),
    ...(first && others.length === 0 ? [`by ${first.by ?? 'an unknown author'} at ${first.at})`] : first ? [')'] : []),
  ].join(' ');
}
