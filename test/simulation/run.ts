// `npm run sim -- --seeds 1000 [--from 1] [--seed 17] [--trace]`: runs many seeds, or shows one.
import { createHash } from 'node:crypto';
import { Command } from 'commander';
import { drawScenario } from './draw-scenario.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

/** Many seeds take minutes, so print the progress. */
const SEEDS_PER_LINE = 1_000;

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

interface Options {
  readonly seeds: string;
  readonly from: string;
  readonly step: string;
  readonly seed?: string;
  readonly trace?: boolean;
  readonly keepGoing?: boolean;
  readonly first?: boolean;
}

const options = new Command('sim')
  .option('--seeds <n>', 'how many seeds to run', '1000')
  .option('--from <n>', 'the first of them', '1')
  .option('--step <n>', 'every so many of them', '1')
  .option('--seed <n>', 'run this one only')
  .option('--keep-going', 'do not stop and shrink at the first failure: list them all')
  .option('--first', 'stop at the first failure, and do not shrink it')
  .option('--trace', 'print everything that happens')
  .parse()
  .opts<Options>();

const first = Number(options.seed ?? options.from);
const count = options.seed === undefined ? Number(options.seeds) : 1;
const startedAt = performance.now();
const cpuAtStart = process.cpuUsage();
let [steps, failures] = [0, 0];
const runHash = createHash('sha1');
const step = Number(options.step);
for (let seed = first; seed < first + count; seed += step) {
  if (seed > first && (seed - first) % SEEDS_PER_LINE === 0) printLine(summary(seed - first));
  const scenario = drawScenario(seed);
  const outcome = await simulate(scenario, options.trace ? printLine : undefined);
  steps += outcome.steps;
  runHash.update(outcome.traceHash);
  if (options.seed !== undefined) printLine(`seed ${seed}: trace ${outcome.traceHash}, ${outcome.steps} steps`);
  if (outcome.objections.length === 0) continue;
  printLine(`seed ${seed} failed (trace ${outcome.traceHash}):`);
  for (const objection of outcome.objections.slice(0, 10)) printLine(`  ${objection}`);
  printLine(`to repeat: npm run sim -- --seed ${seed} --trace`);
  failures += 1;
  if (options.keepGoing) continue;
  if (options.first) break;
  printLine('shrinking …');
  const smaller = await shrink(scenario);
  printLine(
    `fails still with ${smaller.scenario.actions.length} of ${scenario.actions.length} actions (failure rate ${smaller.scenario.failureRate}):`,
  );
  for (const action of smaller.scenario.actions) printLine(`  ${JSON.stringify(action)}`);
  for (const objection of smaller.outcome.objections.slice(0, 5)) printLine(`  → ${objection}`);
  process.exit(1);
}
printLine(`${summary(count)}; hash of the run ${runHash.digest('hex').slice(0, 16)}`);
process.exitCode = failures > 0 ? 1 : 0;

function summary(seeds: number): string {
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuAtStart);
  const cpuSeconds = (user + system) / 1e6;
  return (
    `${seeds} seeds from ${first}, ${failures} mismatches; ${steps} steps in ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU), ` +
    `${Math.round((seeds / cpuSeconds) * 60)} seeds a minute of one core`
  );
}
