// `--dry-run` of the commands that correct counts: what the change would do, as lines.
import type { Command } from 'commander';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

interface AttributionJson {
  readonly state: 'counted' | 'held' | 'excluded' | 'deleted';
  readonly doorway_id: number | null;
  readonly ingress_space_id: number | null;
  readonly egress_space_id: number | null;
}

interface CorrectionJson {
  readonly dpu_id: string;
  readonly readings: number;
  readonly first_reading_at: string;
  readonly last_reading_at: string;
  readonly from: AttributionJson;
  readonly to: AttributionJson;
}

interface SpaceJson {
  readonly space_id: number;
  readonly before: { readonly count: number };
  readonly after: { readonly count: number };
  readonly from: string | null;
  readonly to: string;
  readonly interval: string;
  readonly intervals: readonly IntervalJson[];
  readonly intervals_left_out: number;
  readonly watermark: string | null;
  readonly stale?: true;
}

interface IntervalJson {
  readonly start: string;
  readonly before: PeopleJson;
  readonly after: PeopleJson;
  readonly final: boolean;
}

interface PeopleJson {
  readonly entrances: number;
  readonly exits: number;
  readonly count: number;
}

/** The answer of the API. */
export interface DryRunJson {
  readonly as_of: string;
  readonly readings: number;
  readonly corrections: readonly CorrectionJson[];
  readonly spaces: readonly SpaceJson[];
}

export function withDryRun(command: Command): Command {
  return command.option('--dry-run', 'print what this would do to counts, and change nothing');
}

/** The path of the request that tries a change. */
export const triedAt = (path: string): string => `${path}?dry_run=true`;

/** As one JSON document, or as lines. */
export function printDryRun(found: DryRunJson, json: boolean | undefined, printLine: PrintLine): void {
  if (json) printLine(JSON.stringify(found));
  else for (const line of dryRunLines(found)) printLine(line);
}

export function* dryRunLines(found: DryRunJson): Generator<string> {
  const { as_of: asOf, readings, corrections, spaces } = found;
  yield `nothing was changed; as of ${asOf}, this would correct ${readings} ${readings === 1 ? 'reading' : 'readings'}`;
  if (corrections.length > 0) {
    const rows = corrections.map((each) => [
      ...[each.dpu_id, each.readings, each.first_reading_at, each.last_reading_at],
      ...[placeOf(each.from), placeOf(each.to)],
    ]);
    yield* table(['DPU', 'readings', 'oldest', 'newest', 'from', 'to'], rows);
  }
  if (spaces.length === 0) yield 'no count would change';
  for (const space of spaces) yield* spaceLines(space);
}

function* spaceLines(space: SpaceJson): Generator<string> {
  const { space_id: id, before, after, from, to, interval, intervals, watermark, stale } = space;
  const finality = `final up to ${watermark ?? 'nothing yet'}${stale ? ', may be out of date' : ''}`;
  yield `space ${id}: ${before.count} now, would be ${after.count}; affected from ${from ?? 'the beginning'} to ${to} (${finality})`;
  if (intervals.length === 0) return;
  yield* table(
    [interval === '1h' ? 'hour' : 'day', 'count', 'would be', 'in', 'would be', 'out', 'would be', 'final'],
    intervals.map(({ start, before: was, after: is, final }) => [
      ...[start, was.count, is.count, was.entrances, is.entrances, was.exits, is.exits],
      final ? 'yes' : 'no',
    ]),
  );
  if (space.intervals_left_out > 0) yield `and ${space.intervals_left_out} more`;
}

function placeOf({
  state,
  doorway_id: doorway,
  ingress_space_id: into,
  egress_space_id: out,
}: AttributionJson): string {
  if (state === 'held') return 'held, above no doorway';
  if (state === 'deleted') return 'deleted';
  if (state === 'excluded') return `excluded, at doorway ${doorway}`;
  return `doorway ${doorway}, ${out === null ? 'outside' : `space ${out}`} to ${into === null ? 'outside' : `space ${into}`}`;
}
