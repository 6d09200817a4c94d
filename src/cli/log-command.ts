// `density log`: inspects the SPACE_EVENTS log.
import { Command } from 'commander';
import type { PrintLine } from './print-line.ts';
import type { ReadConfig } from './read-config.ts';
import type { LogCatOptions } from './log-cat-command.ts';
import { atLeastOne, whole } from './topology-commands.ts';

export function logCommand(readConfig: ReadConfig, printLine: PrintLine, finish: (code: number) => void): Command {
  const log = new Command('log').description('inspect the SPACE_EVENTS log');
  log
    .command('cat')
    .description('print its commits, one per line')
    .option('--nats <url>', 'NATS server; default: NATS_URL, or the one on this machine at NATS_PORT')
    .option('--from <sequence>', 'first sequence to print', whole, 1)
    .option('--limit <number>', 'maximum number of commits', atLeastOne)
    .option('--router <number>', 'only the commits of this router', whole)
    .option('--json', 'print JSON with the whole header')
    .option('--events', 'print JSON with the whole header and all events')
    .action(async (options: LogCatOptions) => {
      const { logCatCommand } = await import('./log-cat-command.ts');
      finish(await logCatCommand(await readConfig(), options, printLine));
    });
  return log;
}
