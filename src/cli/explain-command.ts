// `density explain SPACE`: what a count is made of, as a table that adds up.
import type { Config } from '../config.ts';
import { ApiClient, type ApiOptions } from './api-client.ts';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

export interface ExplainOptions extends ApiOptions {
  readonly json?: boolean;
  readonly at?: string;
  readonly from?: string;
  readonly to?: string;
  readonly knownAt?: string;
}

interface ResetJson {
  readonly timestamp: string;
  readonly count: number;
  readonly kind: string;
  readonly recorded_at: string | null;
  readonly set_by: string | null;
}

interface TermsJson {
  readonly space_id: number;
  readonly doorways: readonly {
    readonly doorway_id: number;
    readonly dpu_id: string;
    readonly entrances: number;
    readonly exits: number;
  }[];
  readonly exits_at_zero: readonly { readonly timestamp: string; readonly exits: number }[];
  readonly exits_at_zero_count: number;
  readonly watermark: string | null;
  readonly held_back_by: {
    readonly dpu_id: string | null;
    readonly router: number;
    readonly clock: string | null;
  } | null;
  readonly final: boolean;
  readonly provisional: { readonly entrances: number; readonly exits: number };
  readonly late_events: number | null;
  readonly stale?: true;
}

interface InstantJson extends TermsJson {
  readonly timestamp: string;
  readonly count: number;
  readonly net: number;
  readonly drift: number;
  readonly reset: ResetJson | null;
}

interface IntervalJson extends TermsJson {
  readonly from: string;
  readonly to: string;
  readonly count_at_start: number;
  readonly entrances: number;
  readonly exits: number;
  readonly count_at_end: number;
  readonly resets: readonly (ResetJson & { readonly count_before: number })[];
}

/** @returns 0. @throws ApiError if the service rejects the request */
export async function explainCommand(
  config: Config,
  space: string,
  { json, at, from, to, knownAt, ...options }: ExplainOptions,
  printLine: PrintLine,
): Promise<number> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ at, from, to, known_at: knownAt }))
    if (value !== undefined) query.set(name, value);
  const path = `/counts/${encodeURIComponent(space)}/explain?${query.toString()}`;
  const found = await new ApiClient(config, options).get<InstantJson | IntervalJson>(path);
  if (json) printLine(JSON.stringify(found));
  else for (const line of 'resets' in found ? intervalLines(found) : instantLines(found)) printLine(line);
  return 0;
}

function instantLines(found: InstantJson): string[] {
  const { space_id: space, timestamp, count, net, drift, reset } = found;
  const { entrances, exits } = totalOf(found);
  return [
    `space ${space} at ${timestamp}: ${count} (${finality(found)})`,
    reset
      ? `since the reset to ${reset.count} at ${reset.timestamp} (${originOf(reset)})`
      : 'since the beginning: it was never reset',
    ...doorwayLines(found),
    `${reset?.count ?? 0} + ${entrances} - ${exits} = net ${net}; ${net} + ${drift} exits at zero = ${count}`,
    ...closingLines(found),
  ];
}

function intervalLines(found: IntervalJson): string[] {
  const { space_id: space, from, to, entrances, exits, resets, exits_at_zero_count: atZero } = found;
  const { count_at_start: start, count_at_end: end } = found;
  const corrected = resets.reduce((sum, { count, count_before: before }) => sum + count - before, 0);
  return [
    `space ${space} from ${from} to ${to}: from ${start} to ${end} (${finality(found)})`,
    ...resets.map(
      (reset) => `reset from ${reset.count_before} to ${reset.count} at ${reset.timestamp} (${originOf(reset)})`,
    ),
    ...doorwayLines(found),
    `${start} + ${entrances} - ${exits} + ${atZero} exits at zero ${corrected < 0 ? '-' : '+'} ${Math.abs(corrected)} by resets = ${end}`,
    ...closingLines(found),
  ];
}

function doorwayLines(found: TermsJson): string[] {
  const { entrances, exits } = totalOf(found);
  return table(
    ['doorway', 'DPU', 'entrances', 'exits'],
    [
      ...found.doorways.map((term) => [term.doorway_id, term.dpu_id, term.entrances, term.exits]),
      ['total', '', entrances, exits],
    ],
  );
}

function closingLines({ exits_at_zero: atZero, exits_at_zero_count: all, ...found }: TermsJson): string[] {
  const listed = atZero.reduce((sum, { exits }) => sum + exits, 0);
  const { watermark, held_back_by: heldBackBy, provisional, late_events: late } = found;
  return [
    ...(all > 0 ? ['exits at zero, newest first:'] : []),
    ...atZero.map(({ timestamp, exits }) => `  ${timestamp}  ${exits}`),
    ...(all > listed ? [`  and ${all - listed} earlier`] : []),
    `watermark ${watermark ?? 'none yet'}${heldBackBy ? `, held back by ${nameOf(heldBackBy)}` : ''}`,
    ...(found.final ? [] : [`provisional: ${provisional.entrances} entrances, ${provisional.exits} exits`]),
    ...(late === null ? [] : [`late readings of the space, at any time: ${late}`]),
  ];
}

const finality = ({ final, stale }: TermsJson): string =>
  `${final ? 'final' : 'not final'}${stale ? ', may be out of date' : ''}`;

const originOf = ({ kind, recorded_at: recordedAt, set_by: setBy }: ResetJson): string =>
  recordedAt === null ? kind : `${kind}, recorded at ${recordedAt}${setBy === null ? '' : `, set by ${setBy}`}`;

function nameOf({ dpu_id: dpu, router, clock }: NonNullable<TermsJson['held_back_by']>): string {
  return `${dpu === null ? `router ${router}` : `DPU ${dpu}`}, which is at ${clock ?? 'its beginning'}`;
}

function totalOf({ doorways }: TermsJson): { entrances: number; exits: number } {
  return {
    entrances: doorways.reduce((sum, term) => sum + term.entrances, 0),
    exits: doorways.reduce((sum, term) => sum + term.exits, 0),
  };
}
