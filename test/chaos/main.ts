// `npm run chaos [-- --kills 1000 --damage 30 --seed 1]`. Exits with 1 if a count differs.
import { Command } from 'commander';
import { chaos } from './chaos.ts';

const options = new Command('chaos')
  .option('--kills <n>', 'how often a process is killed: one every 2 s', '100')
  .option('--damage <n>', "how often nats-server's files are damaged", '0')
  .option('--rate <n>', 'readings a second', '100')
  .option('--seed <n>', 'of what is sent and who is killed', '1')
  .parse()
  .opts<Record<'kills' | 'damage' | 'rate' | 'seed', string>>();
const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

const { differences, kills, ...report } = await chaos({
  seed: Number(options.seed),
  kills: Number(options.kills),
  damages: Number(options.damage),
  readingsPerSecond: Number(options.rate),
  printLine,
});
for (const difference of differences.slice(0, 20)) printLine(difference);
const { sent, distinct, moves, suspensions, damages, blocksMovedAway, losses, compared, seconds } = report;
printLine(
  `${sent} readings in READINGS (${distinct} different), ${moves} moves and resets, killed: ${JSON.stringify(kills)}, ${suspensions} times suspended, ${damages} times damaged (${blocksMovedAway} blocks moved away), ${losses} losses reported; ${compared} answers and rows compared, ${differences.length} differences, ${seconds} s`,
);
process.exit(differences.length > 0 ? 1 : 0);
