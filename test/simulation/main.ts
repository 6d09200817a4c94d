// `npm run sim -- --seeds 10000`: builds the simulation (run.ts) and runs it with what else is given.
import { spawn } from 'node:child_process';
import { bundle } from './bundle.ts';

const program = await bundle('test/simulation/run.ts', 'run');
const child = spawn(process.execPath, ['--enable-source-maps', program, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code) => (process.exitCode = code ?? 1));
