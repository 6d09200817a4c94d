// `npm run fuzz [-- --requests 100000 --seed 1 --only 4711]`. Exits with 1 if an answer does not match the document.
import { Command } from 'commander';
import { fuzz } from './fuzz.ts';

const options = new Command('fuzz')
  .option('--requests <n>', 'how many to send', '10000')
  .option('--seed <n>', 'of what is sent', '1')
  .option('--only <n>', 'only this one of them')
  .parse()
  .opts<{ requests: string; seed: string; only?: string }>();
const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

const { faults, sent, raw, byStatus, neverSucceeded, seconds, residentBytes } = await fuzz({
  seed: Number(options.seed),
  requests: Number(options.requests),
  ...(options.only === undefined ? {} : { only: Number(options.only) }),
  printLine,
});
printLine(
  `${sent} requests and ${raw} damaged ones with the seed ${options.seed}: ${faults.length} faults, ${seconds} s, ${Math.round(sent / seconds)}/s`,
);
printLine(`the service takes ${Math.round(residentBytes / 1e6)} MB; answers by status: ${JSON.stringify(byStatus)}`);
if (neverSucceeded.length > 0) printLine(`never answered well: ${neverSucceeded.join(', ')}`);
process.exit(faults.length > 0 ? 1 : 0);
