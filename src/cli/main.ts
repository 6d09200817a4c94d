// The entry point of the command line. Answers go to stdout, errors as one sentence to stderr. Exit codes: 0 done; 1
// failed, or a check found a problem; 2 invalid usage, a value that the API rejects, or an import with rejected
// lines.
import { CommanderError } from 'commander';
import { ApiError } from './api-client.ts';
import { createProgram } from './program.ts';

const USAGE_ERROR = 2;
/** The API's status for an invalid value. */
const INVALID = 422;

function finish(code: number): void {
  process.exitCode = code;
  // Idle keep-alive sockets would delay the exit.
  setImmediate(() => process.exit(code));
}

// The reader of a pipe, such as `head`, may stop reading early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const program = createProgram({
  readConfig: async () => (await import('../config.ts')).readEnvironment(),
  printLine: (line) => void process.stdout.write(`${line}\n`),
  warn: (line) => void process.stderr.write(`density: ${line}\n`),
  finish,
});

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Commander has already printed the error or the help.
    process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
  }
  process.stderr.write(`density: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ApiError && error.status === INVALID ? USAGE_ERROR : 1);
});
