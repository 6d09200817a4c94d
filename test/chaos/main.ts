// `npm run chaos [-- --readings 200000 --kills 21 --seed 1]`. Ends with 1 when a count differs.
import { Command } from 'commander';
import { chaos } from './chaos.ts';

const options = new Command('chaos')
  .option('--readings <n>', 'how many to send', '200000')
  .option('--kills <n>', 'how often to kill, in all', '21')
  .option('--seed <n>', 'of what is sent', '1')
  .parse()
  .opts<{ readings: string; kills: string; seed: string }>();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { sent, distinct, kills, moves, compared, differences, seconds } = await chaos({
  seed: Number(options.seed),
  readings: Number(options.readings),
  kills: Number(options.kills),
  say,
});
for (const difference of differences.slice(0, 20)) say(difference);
say(
  `${sent} readings sent (${distinct} different), ${moves} moves and resets, killed: ${JSON.stringify(kills)}; ${compared} answers and rows compared, ${differences.length} differences, ${seconds} s`,
);
process.exit(differences.length > 0 ? 1 : 0);
