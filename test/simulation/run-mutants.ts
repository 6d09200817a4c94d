// `npm run sim:mutants [-- --seeds 5000] [--only text] [--from 5]`: builds each mutant, and finds the first seed that
// catches it, or sees that the test fails that is to catch it. Exits with 1 if a mutant survives.
import { spawn } from 'node:child_process';
import { Command } from 'commander';
import { bundle, ROOT, sourceOf } from './bundle.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const { seeds, only, from } = new Command('sim:mutants')
  .option('--seeds <n>', 'how many seeds to try', '5000')
  .option('--only <text>', 'mutants whose name has this in it', '')
  .option('--from <n>', 'the number of the first mutant', '1')
  .parse()
  .opts<{ seeds: string; only: string; from: string }>();

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

interface Catch {
  /** A seed, or the path of a test. */
  readonly by: string;
  readonly objection: string;
}

async function outputOf(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => child.on('close', resolve));
  return output;
}

async function firstSeedThatFails({ patch, step = 1 }: Mutant, index: number): Promise<Catch | undefined> {
  const program = await bundle('test/simulation/run.ts', `mutant-${index}`, [patch]);
  const output = await outputOf([program, '--seeds', seeds, '--from', String(step), '--step', String(step), '--first']);
  const [, by, objection = ''] = /^seed (\d+) failed.*\n\s*(.*)/m.exec(output) ?? [];
  return by === undefined ? undefined : { by, objection };
}

async function failureOf({ name }: Mutant, test: string): Promise<Catch | undefined> {
  const output = await outputOf(
    ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/simulation/mutant.config.ts', test],
    { MUTANT: name, NO_COLOR: '1' },
  );
  // A test that cannot be run would not be a test that fails.
  if (!/^ +Tests {2}\d+ (passed|failed)/m.test(output)) throw new Error(`${test} was not run:\n${output}`);
  const [, objection] = /^ FAIL {2}(.*)/m.exec(output) ?? [];
  return objection === undefined ? undefined : { by: `\`${test}\``, objection: objection.split(' > ').at(-1) ?? '' };
}

let survivors = 0;
printLine('| deliberate bug | file | caught by | first objection |\n| --- | --- | --- | --- |');
for (const [index, mutant] of MUTANTS.entries()) {
  if (!mutant.name.includes(only) || index + 1 < Number(from)) continue;
  const caught = mutant.test ? await failureOf(mutant, mutant.test) : await firstSeedThatFails(mutant, index);
  if (!caught) survivors += 1;
  printLine(
    `| ${mutant.name} | ${await sourceOf(mutant.patch)} | ${caught?.by ?? '**survives**'} | ${(caught?.objection ?? '').slice(0, 90).replaceAll('|', '/')} |`,
  );
}
printLine(`\n${MUTANTS.length} mutants, ${survivors} survive ${seeds} seeds`);
process.exitCode = survivors > 0 ? 1 : 0;
