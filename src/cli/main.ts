// The command line. Prints what a person wants to know to stdout, and ends with one clear sentence on
// stderr when it cannot do what it was asked.
import { Command } from 'commander';
import { readEnvironment } from '../config.ts';
import { accountCommand } from './account-command.ts';
import { demoCommand } from './demo-command.ts';
import { importCommand } from './import-command.ts';
import { natsCommand } from './nats-command.ts';
import { runCommand } from './run-command.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const program = new Command('density').description('Turns doorway sensor readings into people counts.').showHelpAfterError();
  program.command('run')
    .description('run the service; engines are started here where NATS_URL or CLICKHOUSE_URL is not set')
    .action(async () => finish(await runCommand(readEnvironment(), say)));
  program.command('demo')
    .description('run the service with a small building whose DPUs are simulated live')
    .action(async () => finish(await demoCommand(readEnvironment(), say)));
  program.command('import')
    .description('publish the readings of a CSV file (columns timestamp, direction, dpu_id) to NATS')
    .argument('<file>', 'path of the file')
    .option('--nats <url>', 'NATS server; default: NATS_URL, or the one on this machine at NATS_PORT')
    .action(async (file: string, options: { nats?: string }) => finish(await importCommand(readEnvironment(), file, options, say)));
  program.command('account')
    .description('print where every accepted reading went; exit 1 when one is missing')
    .option('--json', 'as JSON')
    .option('--url <url>', 'the API; default: HOST and PORT')
    .action(async (options: { json?: boolean; url?: string }) => finish(await accountCommand(readEnvironment(), options, say)));
  program.addCommand(natsCommand(readEnvironment, say));
  await program.parseAsync();
}

function finish(code: number): void {
  process.exitCode = code;
  // Clients keep sockets for reuse; nothing that matters is left to do.
  setImmediate(() => process.exit(code));
}

main().catch((error: unknown) => {
  process.stderr.write(`density: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
