// `npm run sim -- --seeds 10000`: builds the simulation (run.ts) and runs it with what else is given; many
// seeds in several processes, one after the other, since what a crashed process of a run waits for is never let go of.
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { bundle } from './bundle.ts';

const SEEDS_PER_PROCESS = 1_000;
const SUMMARY = /^\d+ seeds from \d+, (\d+) mismatches; (\d+) steps in ([\d.]+) s \(([\d.]+) s of CPU\).* hash of the run (\w+)\n/m;

/** Faults are errors: of many seeds nobody reads where each was made, and to find that out is a tenth of the time. */
const STACKS = process.argv.includes('--seed') ? [] : ['--stack-trace-limit=0'];

/** On threads of their own the compiler and the collector take more of the CPU than they do here. */
const ONE_CORE = '--single-threaded';

const program = await bundle('test/simulation/run.ts', 'run');
let child: ReturnType<typeof spawn> | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child?.kill(signal));

async function run(args: readonly string[], isPart: boolean): Promise<{ code: number; summary: RegExpExecArray | null }> {
  const started = spawn(process.execPath, ['--enable-source-maps', '--max-semi-space-size=64', ONE_CORE, ...STACKS, program, ...args], { stdio: ['inherit', 'pipe', 'inherit'] });
  child = started;
  let output = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-2_000);
    if (!isPart) process.stdout.write(text);
  });
  const code = await new Promise<number>((resolve) => started.on('close', (ended) => resolve(ended ?? 1)));
  if (isPart) process.stdout.write(output);
  return { code, summary: SUMMARY.exec(output) };
}

function valueOf(args: readonly string[], name: string, otherwise: number): number {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : Number(args[at + 1]);
}

const args = process.argv.slice(2);
const [seeds, from] = [valueOf(args, '--seeds', 1_000), valueOf(args, '--from', 1)];
if (args.includes('--seed') || args.includes('--help') || seeds <= SEEDS_PER_PROCESS) {
  ({ code: process.exitCode } = await run(args, false));
} else {
  const hash = createHash('sha1');
  let [done, mismatches, steps, seconds, cpuSeconds] = [0, 0, 0, 0, 0];
  process.exitCode = 0;
  while (done < seeds) {
    const some = Math.min(SEEDS_PER_PROCESS, seeds - done);
    const { code, summary } = await run([...args, '--seeds', String(some), '--from', String(from + done)], true);
    const [, differing = '1', stepped = '0', took = '0', worked = '0', partHash = ''] = summary ?? [];
    hash.update(partHash);
    done += some;
    mismatches += Number(differing);
    steps += Number(stepped);
    seconds += Number(took);
    cpuSeconds += Number(worked);
    if (code !== 0) process.exitCode = code;
    if (code !== 0 && !args.includes('--keep-going')) break;
  }
  process.stdout.write(`in all: ${done} seeds from ${from}, ${mismatches} mismatches; ${steps} steps in ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU), `
    + `${Math.round((done / cpuSeconds) * 60)} seeds a minute of one core; hash of the run ${hash.digest('hex').slice(0, 16)}\n`);
}
