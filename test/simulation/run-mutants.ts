// `npm run sim:mutants [-- --seeds 5000] [--only text]`: builds each mutant, and finds the first seed that catches it.
// Exits with 1 if a mutant survives.
import { spawn } from 'node:child_process';
import { Command } from 'commander';
import { bundle, sourceOf } from './bundle.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const { seeds, only } = new Command('sim:mutants')
  .option('--seeds <n>', 'how many seeds to try', '5000')
  .option('--only <text>', 'mutants whose name has this in it', '')
  .parse()
  .opts<{ seeds: string; only: string }>();

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

async function firstSeedThatFails(
  { patch, step = 1 }: Mutant,
  index: number,
): Promise<{ seed: string; objection: string } | undefined> {
  const program = await bundle('test/simulation/run.ts', `mutant-${index}`, [patch]);
  const child = spawn(
    process.execPath,
    [program, '--seeds', seeds, '--from', String(step), '--step', String(step), '--first'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => child.on('close', resolve));
  const [, seed, objection = ''] = /^seed (\d+) failed.*\n\s*(.*)/m.exec(output) ?? [];
  return seed === undefined ? undefined : { seed, objection };
}

let survivors = 0;
printLine('| deliberate bug | file | caught by seed | first objection |\n| --- | --- | --- | --- |');
for (const [index, mutant] of MUTANTS.entries()) {
  if (!mutant.name.includes(only)) continue;
  const caught = await firstSeedThatFails(mutant, index);
  if (!caught) survivors += 1;
  printLine(
    `| ${mutant.name} | ${await sourceOf(mutant.patch)} | ${caught?.seed ?? '**survives**'} | ${(caught?.objection ?? '').slice(0, 90).replaceAll('|', '/')} |`,
  );
}
printLine(`\n${MUTANTS.length} mutants, ${survivors} survive ${seeds} seeds`);
process.exitCode = survivors > 0 ? 1 : 0;
