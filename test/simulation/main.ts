// `npm run sim -- --seeds 10000`: builds the simulation (run.ts) and runs it with the given arguments.
import { spawn } from 'node:child_process';
import { bundle } from './bundle.ts';

/** Faults are errors whose stack traces nobody reads, and capturing them takes a tenth of the time. */
const STACKS = process.argv.includes('--seed') ? [] : ['--stack-trace-limit=0'];

/** The compiler and the garbage collector use more CPU on threads of their own. */
const ONE_CORE = '--single-threaded';

const program = await bundle('test/simulation/run.ts', 'run');
const child = spawn(
  process.execPath,
  ['--enable-source-maps', '--max-semi-space-size=64', ONE_CORE, ...STACKS, program, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code) => (process.exitCode = code ?? 1));
