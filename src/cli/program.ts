// Declares all commands with their options. Each is implemented in a file of its own, which only that command loads: most load the client
// of an engine or the whole service.
import { Command } from 'commander';
import type { AdaptOptions } from './adapt-command.ts';
import type { DeadLettersOptions } from './dead-letters-command.ts';
import type { PrintLine } from './print-line.ts';
import { replayCommand } from './replay-command.ts';
import type { ExplainOptions } from './explain-command.ts';
import type { AuditOptions } from './audit-command.ts';
import type { ProfileOptions } from './profile-command.ts';
import type { RevisionsOptions } from './revisions-command.ts';
import { logCommand } from './log-command.ts';
import { natsCommand } from './nats-command.ts';
import type { ReadConfig } from './read-config.ts';
import { interrupted } from './signals.ts';
import { addExclusions } from './exclusion-commands.ts';
import { exportCommand } from './export-command.ts';
import { readingsCommand } from './readings-command.ts';
import { atLeastOne, doorwaysCommand, dpusCommand, spacesCommand, whole, withApi } from './topology-commands.ts';
import { topologyCommand } from './topology-document-command.ts';
import { tokenCommand } from './token-command.ts';

export interface Terminal {
  readonly readConfig: ReadConfig;
  /** Prints a line of the answer, to stdout. */
  readonly printLine: PrintLine;
  /** Prints any other line, to stderr. */
  readonly warn: PrintLine;
  /** Ends the command with an exit code. */
  readonly finish: (code: number) => void;
}

const EXIT_CODES = `
Exit codes: 0 done; 1 failed, or a check found a problem; 2 invalid usage.
Configuration is read from environment variables (see the README). DENSITY_TOKEN is sent to the service.`;

const NATS_OPTION = [
  '--nats <url>',
  'NATS server; default: NATS_URL, or the one on this machine at NATS_PORT',
] as const;
const JSON_OPTION = ['--json', 'print JSON'] as const;
const KNOWN_AT = 'what was known then: the as_of of an answer, or an ISO 8601 instant';

export function createProgram(terminal: Terminal): Command {
  const program = new Command('density')
    .description('Turns doorway sensor readings into people counts.')
    .addHelpText('after', EXIT_CODES);
  serviceCommands(program, terminal);
  deviceCommands(program, terminal);
  dataCommands(program, terminal);
  readingCommands(program, terminal);
  changeCommands(program, terminal);
  askingCommands(program, terminal);
  for (const command of all(program)) command.exitOverride().showHelpAfterError('(see --help)');
  return program;
}

function serviceCommands(program: Command, { readConfig, printLine, warn, finish }: Terminal): void {
  program
    .command('run')
    .description('run the service; without NATS_URL or CLICKHOUSE_URL that engine is started too')
    .option(...JSON_OPTION)
    .action(async (options: { json?: boolean }) => {
      const { runCommand } = await import('./run-command.ts');
      finish(await runCommand(await readConfig(), options, printLine, warn));
    });
  program
    .command('demo')
    .description('run the service with a small building whose DPUs are simulated')
    .action(async () => {
      const { demoCommand } = await import('./demo-command.ts');
      finish(await demoCommand(await readConfig(), printLine));
    });
  program
    .command('cluster')
    .description('run several processes with shared engines on this machine, and show which of them owns which shard')
    .option('--nodes <count>', 'number of processes', atLeastOne, 3)
    .action(async ({ nodes }: { nodes: number }) => {
      const { clusterCommand } = await import('./cluster-command.ts');
      finish(await clusterCommand(await readConfig(), nodes, printLine));
    });
  program
    .command('routes')
    .description('print every route of the API with its scope')
    .option(...JSON_OPTION)
    .action(async (options: { json?: boolean }) => {
      const { routesCommand } = await import('./routes-command.ts');
      finish(routesCommand(options, printLine));
    });
  program.addCommand(tokenCommand(readConfig, printLine, warn, finish));
  program.addCommand(natsCommand(readConfig, printLine));
}

function dataCommands(program: Command, { readConfig, printLine, warn, finish }: Terminal): void {
  program
    .command('migrate')
    .description(
      'create missing streams and tables, and convert the log of version 1, for which no service may be running',
    )
    .option(...JSON_OPTION)
    .action(async (options: { json?: boolean }) => {
      const { migrateCommand } = await import('./migrate-command.ts');
      finish(await migrateCommand(await readConfig(), options, printLine, warn));
    });
  program
    .command('recreate')
    .description('delete ALL data, and create empty streams and tables; no service may be running')
    .option('--yes', 'confirm')
    .option(...JSON_OPTION)
    .action(async (options: { yes?: boolean; json?: boolean }) => {
      const { recreateCommand } = await import('./data-commands.ts');
      finish(await recreateCommand(await readConfig(), options, printLine, warn));
    });
  program
    .command('rebuild')
    .description(
      'recompute the state of shards with an unusable checkpoint, from ClickHouse and the log; no service may be running',
    )
    .option('--shard <number>', 'only this shard; default: all', whole)
    .option(...JSON_OPTION)
    .action(async (options: { shard?: number; json?: boolean }) => {
      const { rebuildCommand } = await import('./rebuild-command.ts');
      finish(await rebuildCommand(await readConfig(), options, printLine));
    });
  program
    .command('seed')
    .description("register the demo's building: three spaces, five doorways, five DPUs")
    .option(...NATS_OPTION)
    .option('--time-zone <zone>', 'IANA time zone of the building; default: UTC')
    .option(...JSON_OPTION)
    .action(async (options: { nats?: string; json?: boolean; timeZone?: string }) => {
      const { seedCommand } = await import('./data-commands.ts');
      finish(await seedCommand(await readConfig(), options, printLine));
    });
  program
    .command('simulate')
    .description("simulate people who walk through the demo's building")
    .option(...NATS_OPTION)
    .option('--seconds <number>', 'stop after this time; default: at Ctrl-C', whole)
    .option('--backfill', 'first send the last two hours at once, as if the DPUs had been offline')
    .option(...JSON_OPTION)
    .action(async (options: { nats?: string; seconds?: number; backfill?: boolean; json?: boolean }) => {
      const { simulateCommand } = await import('./data-commands.ts');
      finish(await simulateCommand(await readConfig(), options, printLine, interrupted()));
    });
}

function readingCommands(program: Command, { readConfig, printLine, finish }: Terminal): void {
  program
    .command('import')
    .description('publish the readings of a CSV file with the columns timestamp, direction and dpu_id')
    .argument('<file>', 'the CSV file')
    .option(...NATS_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, options: { nats?: string; json?: boolean }) => {
      const { importCommand } = await import('./import-command.ts');
      finish(await importCommand(await readConfig(), file, options, printLine));
    });
  program
    .command('dead-letters')
    .description('print the newest dead letters: readings that could not be used, and why')
    .option(...NATS_OPTION)
    .option('--limit <number>', 'maximum number of letters', atLeastOne, 20)
    .option(...JSON_OPTION)
    .action(async (options: DeadLettersOptions) => {
      const { deadLettersCommand } = await import('./dead-letters-command.ts');
      finish(await deadLettersCommand(await readConfig(), options, printLine));
    })
    .addCommand(replayCommand(readConfig, printLine, finish));
  program.addCommand(logCommand(readConfig, printLine, finish));
}

function deviceCommands(program: Command, { printLine, warn, finish }: Terminal): void {
  program
    .command('adapt')
    .description(
      "print the readings that an adapter derives from a device's payload, as lines of JSON (docs/devices.md)",
    )
    .argument('<adapter>', 'name of the adapter, such as xovis')
    .argument('<file>', 'the payload as the device sends it; - for standard input')
    .option('--device <id>', 'the device that the subject or URL names; required if the payload names none')
    .option('--options <json>', "the adapter's options for this device")
    .option('--content-type <type>', 'content type of the payload; needed for multipart')
    .option('--topic <topic>', 'MQTT topic it was published to')
    .action(async (adapter: string, file: string, options: AdaptOptions) => {
      const { adaptCommand } = await import('./adapt-command.ts');
      finish(adaptCommand(adapter, file, options, printLine, warn));
    });
}

function askingCommands(program: Command, { readConfig, printLine, warn, finish }: Terminal): void {
  withApi(
    program.command('account').description('print where every accepted reading went; exit 1 if one is missing'),
  ).action(async (options: { json?: boolean; url?: string }) => {
    const { accountCommand } = await import('./account-command.ts');
    finish(await accountCommand(await readConfig(), options, printLine));
  });
  withApi(
    program
      .command('explain')
      .description('print what the count of a space is made of, now, at an instant, or over an interval')
      .argument('<space>', 'id of the space'),
  )
    .option('--at <instant>', 'ISO 8601 instant; default: now')
    .option('--from <instant>', 'explain an interval from here, inclusive')
    .option('--to <instant>', 'to here, exclusive')
    .option('--known-at <moment>', KNOWN_AT)
    .action(async (space: string, options: ExplainOptions) => {
      const { explainCommand } = await import('./explain-command.ts');
      finish(await explainCommand(await readConfig(), space, options, printLine));
    });
  withApi(
    program
      .command('profile')
      .description('print how full a space usually is, by hour of the week')
      .argument('<space>', 'id of the space'),
  )
    .option('--start <instant>', 'start of the span, inclusive; default: 28 days before its end')
    .option('--end <instant>', 'end of the span, exclusive; default: now')
    .option('--above <count>', 'also print how long there were more people than this')
    .option('--known-at <moment>', KNOWN_AT)
    .action(async (space: string, options: ProfileOptions) => {
      const { profileCommand } = await import('./profile-command.ts');
      finish(await profileCommand(await readConfig(), space, options, printLine));
    });
  program.addCommand(exportCommand(readConfig, finish));
  program.addCommand(spacesCommand(readConfig, printLine, finish));
  program.addCommand(doorwaysCommand(readConfig, printLine, finish));
  const dpus = dpusCommand(readConfig, printLine, finish);
  addExclusions(dpus, readConfig, printLine, finish);
  program.addCommand(dpus);
  program.addCommand(readingsCommand(readConfig, printLine, finish));
  program.addCommand(topologyCommand(readConfig, printLine, warn, finish));
  withApi(
    program
      .command('watch')
      .description('print the count of a space, and each change as it happens')
      .argument('<space>', 'id of the space, or several: 1,2,3'),
  )
    .option('--events <number>', 'stop after this many events', atLeastOne)
    .action(async (space: string, options: { json?: boolean; url?: string; events?: number }) => {
      const { watchCommand } = await import('./watch-command.ts');
      finish(await watchCommand(await readConfig(), space, options, printLine, warn, interrupted()));
    });
}

function changeCommands(program: Command, { readConfig, printLine, finish }: Terminal): void {
  withApi(
    program
      .command('revisions')
      .description('print what has changed in a span since an earlier answer, and why')
      .argument('<space>', 'id of the space'),
  )
    .requiredOption('--from <instant>', 'start of the span, an ISO 8601 instant, inclusive')
    .option('--to <instant>', 'end of the span, exclusive; default: now')
    .requiredOption('--since <moment>', 'the as_of of an earlier answer, or an ISO 8601 instant')
    .action(async (space: string, options: RevisionsOptions) => {
      const { revisionsCommand } = await import('./revisions-command.ts');
      finish(await revisionsCommand(await readConfig(), space, options, printLine));
    });
  withApi(program.command('audit').description('print who changed what in the topology, the newest change first'))
    .option('--limit <count>', 'maximum number of changes', atLeastOne, 25)
    .option('--kind <kind>', 'only changes of this kind, such as space, dpu or reset')
    .option('--space <id>', 'only changes of this space, its resets, and its doorways')
    .option('--doorway <id>', 'only changes of this doorway, and DPUs that were moved to or from it')
    .option('--dpu <id>', 'only changes of this DPU, its exclusions, and deletions of its readings')
    .option('--by <author>', 'only changes that this author made, such as token:facility')
    .option('--from <instant>', 'only changes made at this ISO 8601 instant or later')
    .option('--to <instant>', 'only changes made before this instant')
    .action(async (options: AuditOptions) => {
      const { auditCommand } = await import('./audit-command.ts');
      finish(await auditCommand(await readConfig(), options, printLine));
    });
}

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}
