// Declares all commands with their options. Each is implemented in its own file.
import { Command } from 'commander';
import type { Config } from '../config.ts';
import { adaptCommand, type AdaptOptions } from './adapt-command.ts';
import { accountCommand } from './account-command.ts';
import { recreateCommand, seedCommand, simulateCommand } from './data-commands.ts';
import { clusterCommand } from './cluster-command.ts';
import { deadLettersCommand, type DeadLettersOptions } from './dead-letters-command.ts';
import { replayCommand } from './replay-command.ts';
import { demoCommand } from './demo-command.ts';
import { importCommand } from './import-command.ts';
import { logCommand } from './log-command.ts';
import { migrateCommand } from './migrate-command.ts';
import { natsCommand } from './nats-command.ts';
import { rebuildCommand } from './rebuild-command.ts';
import { routesCommand } from './routes-command.ts';
import { runCommand } from './run-command.ts';
import { interrupted } from './signals.ts';
import { atLeastOne, doorwaysCommand, dpusCommand, spacesCommand, whole, withApi } from './topology-commands.ts';
import { topologyCommand } from './topology-document-command.ts';
import { tokenCommand } from './token-command.ts';
import { watchCommand } from './watch-command.ts';

export interface Terminal {
  readonly readConfig: () => Config;
  /** Prints a line of the answer, to stdout. */
  readonly say: (line: string) => void;
  /** Prints any other line, to stderr. */
  readonly warn: (line: string) => void;
  /** Ends the command with an exit code. */
  readonly finish: (code: number) => void;
}

const EXIT_CODES = `
Exit codes: 0 done; 1 failed, or a check found a problem; 2 invalid usage.
Configuration is read from environment variables (see the README). DENSITY_TOKEN is sent to the service.`;

const JSON_OPTION = ['--json', 'print JSON'] as const;

export function createProgram(terminal: Terminal): Command {
  const program = new Command('density')
    .description('Turns doorway sensor readings into people counts.')
    .addHelpText('after', EXIT_CODES);
  serviceCommands(program, terminal);
  deviceCommands(program, terminal);
  dataCommands(program, terminal);
  askingCommands(program, terminal);
  for (const command of all(program)) command.exitOverride().showHelpAfterError('(see --help)');
  return program;
}

function serviceCommands(program: Command, { readConfig, say, warn, finish }: Terminal): void {
  program
    .command('run')
    .description('run the service; without NATS_URL or CLICKHOUSE_URL that engine is started too')
    .option(...JSON_OPTION)
    .action(async (options: { json?: boolean }) => finish(await runCommand(readConfig(), options, say, warn)));
  program
    .command('demo')
    .description('run the service with a small building whose DPUs are simulated')
    .action(async () => finish(await demoCommand(readConfig(), say)));
  program
    .command('cluster')
    .description('run several processes with shared engines on this machine, and show which of them owns which shard')
    .option('--nodes <count>', 'number of processes', atLeastOne, 3)
    .action(async ({ nodes }: { nodes: number }) => finish(await clusterCommand(readConfig(), nodes, say)));
  program
    .command('routes')
    .description('print every route of the API with its scope')
    .option(...JSON_OPTION)
    .action((options: { json?: boolean }) => finish(routesCommand(options, say)));
  program.addCommand(tokenCommand(readConfig, say, warn, finish));
  program.addCommand(natsCommand(readConfig, say));
}

function dataCommands(program: Command, { readConfig, say, warn, finish }: Terminal): void {
  const nats = ['--nats <url>', 'NATS server; default: NATS_URL, or the one on this machine at NATS_PORT'] as const;
  program
    .command('migrate')
    .description(
      'create missing streams and tables, and convert the log of version 1, for which no service may be running',
    )
    .option(...JSON_OPTION)
    .action(async (options: { json?: boolean }) => finish(await migrateCommand(readConfig(), options, say, warn)));
  program
    .command('recreate')
    .description('delete ALL data, and create empty streams and tables; no service may be running')
    .option('--yes', 'confirm')
    .option(...JSON_OPTION)
    .action(async (options: { yes?: boolean; json?: boolean }) =>
      finish(await recreateCommand(readConfig(), options, say, warn)),
    );
  program
    .command('rebuild')
    .description(
      'recompute the state of shards with an unusable checkpoint, from ClickHouse and the log; no service may be running',
    )
    .option('--shard <number>', 'only this shard; default: all', whole)
    .option(...JSON_OPTION)
    .action(async (options: { shard?: number; json?: boolean }) =>
      finish(await rebuildCommand(readConfig(), options, say)),
    );
  program
    .command('seed')
    .description("register the demo's building: three spaces, five doorways, five DPUs")
    .option(...nats)
    .option('--time-zone <zone>', 'IANA time zone of the building; default: UTC')
    .option(...JSON_OPTION)
    .action(async (options: { nats?: string; json?: boolean; timeZone?: string }) =>
      finish(await seedCommand(readConfig(), options, say)),
    );
  program
    .command('simulate')
    .description("simulate people who walk through the demo's building")
    .option(...nats)
    .option('--seconds <number>', 'stop after this time; default: at Ctrl-C', whole)
    .option('--backfill', 'first send the last two hours at once, as if the DPUs had been offline')
    .option(...JSON_OPTION)
    .action(async (options: { nats?: string; seconds?: number; backfill?: boolean; json?: boolean }) =>
      finish(await simulateCommand(readConfig(), options, say, interrupted())),
    );
  program
    .command('import')
    .description('publish the readings of a CSV file with the columns timestamp, direction and dpu_id')
    .argument('<file>', 'the CSV file')
    .option(...nats)
    .option(...JSON_OPTION)
    .action(async (file: string, options: { nats?: string; json?: boolean }) =>
      finish(await importCommand(readConfig(), file, options, say)),
    );
  program
    .command('dead-letters')
    .description('print the newest dead letters: items that could not be used, and why')
    .option(...nats)
    .option('--limit <number>', 'maximum number of letters', atLeastOne, 20)
    .option(...JSON_OPTION)
    .action(async (options: DeadLettersOptions) => finish(await deadLettersCommand(readConfig(), options, say)))
    .addCommand(replayCommand(readConfig, say, finish));
  program.addCommand(logCommand(readConfig, say, finish));
}

function deviceCommands(program: Command, { say, warn, finish }: Terminal): void {
  program
    .command('adapt')
    .description(
      "print the readings that an adapter derives from a device's payload, as lines of JSON (docs/devices.md)",
    )
    .argument('<adapter>', 'name of the adapter, such as xovis')
    .argument('<file>', 'the payload as the device sends it; - for standard input')
    .option('--device <id>', 'the device that the subject or URL names; required if the payload names none')
    .option('--options <json>', "the adapter's options for this device")
    .option('--content-type <type>', 'content type of the payload; required for multipart')
    .option('--topic <topic>', 'MQTT topic to which it was published')
    .action((adapter: string, file: string, options: AdaptOptions) =>
      finish(adaptCommand(adapter, file, options, say, warn)),
    );
}

function askingCommands(program: Command, { readConfig, say, warn, finish }: Terminal): void {
  withApi(
    program.command('account').description('print where every accepted reading went; exit 1 if one is missing'),
  ).action(async (options: { json?: boolean; url?: string }) =>
    finish(await accountCommand(readConfig(), options, say)),
  );
  program.addCommand(spacesCommand(readConfig, say, finish));
  program.addCommand(doorwaysCommand(readConfig, say, finish));
  program.addCommand(dpusCommand(readConfig, say, finish));
  program.addCommand(topologyCommand(readConfig, say, warn, finish));
  withApi(
    program
      .command('watch')
      .description('print the count of a space, and each change as it happens')
      .argument('<space>', 'id of the space, or several: 1,2,3'),
  )
    .option('--events <number>', 'stop after this many events', atLeastOne)
    .action(async (space: string, options: { json?: boolean; url?: string; events?: number }) =>
      finish(await watchCommand(readConfig(), space, options, say, warn, interrupted())),
    );
}

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}
