// The command line. Prints what a person wants to know to stdout, and ends with one clear sentence on
// stderr when it cannot do what it was asked. Exit codes: 0 done; 1 not done, or not as it should be; 2 it was
// asked for something that makes no sense (to the service, too), or an import has lines that do not.
import { CommanderError } from 'commander';
import { readEnvironment } from '../config.ts';
import { ApiError } from './api-client.ts';
import { createProgram } from './program.ts';

const USAGE_ERROR = 2;
/** What the API answers to a value that it cannot understand. */
const INVALID = 422;

function finish(code: number): void {
  process.exitCode = code;
  // Clients keep sockets for reuse; nothing that matters is left to do.
  setImmediate(() => process.exit(code));
}

// A reader that has gone, as after `| head`, wants no more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const program = createProgram({
  readConfig: readEnvironment,
  say: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stderr.write(`density: ${line}\n`),
  finish,
});

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // It has printed what is wrong, or the help that was asked for.
    process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
  }
  process.stderr.write(`density: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ApiError && error.status === INVALID ? USAGE_ERROR : 1);
});
