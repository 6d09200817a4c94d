// `density dead-letters replay`: sends dead letters again, through the API.
import { Command } from 'commander';
import type { Config } from '../config.ts';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import { ApiClient, type ApiOptions } from './api-client.ts';
import { withApi } from './topology-commands.ts';

interface ReplayJson {
  readonly letters: number;
  readonly replayed: number;
  readonly not_replayed_count: number;
  readonly not_replayed: readonly { readonly id: string; readonly items: number; readonly detail: string }[];
}

interface ReplayOptions extends ApiOptions {
  readonly dpu?: string;
  readonly reason?: string;
  readonly start?: string;
  readonly end?: string;
  readonly shift?: string;
  readonly toDpu?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function replayCommand(readConfig: ReadConfig, printLine: PrintLine, finish: (code: number) => void): Command {
  return withApi(
    new Command('replay').description(
      'send dead letters again, all or those selected; running it twice counts nobody twice; exit 2 if some cannot be replayed',
    ),
  )
    .option('--dpu <id>', 'only letters of this DPU')
    .option('--reason <reason>', 'only letters with this reason')
    .option('--start <instant>', 'only letters stored at or after this instant')
    .option('--end <instant>', 'only letters stored before this instant')
    .option('--shift <duration>', 'add this to the timestamps: milliseconds, or a duration such as -PT1H')
    .option('--to-dpu <id>', 'as readings of this DPU')
    .option('--dry-run', 'only report what would be done')
    .action(async (_options: ReplayOptions, command: Command) =>
      // With those of `dead-letters`, which takes --json for itself.
      finish(await replay(await readConfig(), command.optsWithGlobals<ReplayOptions>(), printLine)),
    );
}

/** @returns 0 if everything selected was replayed, 2 if not */
async function replay(config: Config, options: ReplayOptions, printLine: PrintLine): Promise<number> {
  const { dpu, reason, start, end, shift, toDpu, dryRun, json } = options;
  const body = {
    dpu_id: dpu,
    reason,
    start,
    end,
    shift: shift !== undefined && /^[+-]?\d+$/.test(shift) ? Number(shift) : shift,
    to_dpu_id: toDpu,
    dry_run: dryRun,
  };
  const result = await new ApiClient(config, options).send<ReplayJson>('POST', '/dead-letters/replay', body);
  if (json) printLine(JSON.stringify(result));
  else {
    const done = dryRun ? 'would be replayed' : 'replayed';
    printLine(
      `${result.letters} dead letters: ${result.replayed} readings ${done}, ${result.not_replayed_count} items not`,
    );
    for (const { id, items, detail } of result.not_replayed) printLine(`  ${id} (${items}): ${detail}`);
  }
  return result.not_replayed_count === 0 ? 0 : 2;
}
