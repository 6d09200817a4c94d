// `density cluster`: several processes of the service on one machine, with shared engines, to watch shards move. Prints the owner of
// every shard whenever it changes, and reads commands such as `kill n2` from stdin.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { prettyFactory } from 'pino-pretty';
import { environmentWith, type Config } from '../config.ts';
import { startEngines } from '../local/engines.ts';
import { PROJECT } from '../local/project.ts';
import { readingsKeyIn } from '../local/readings-key.ts';
import { connectNats } from '../nats/connect.ts';
import { NatsLeases } from '../nats/leases.ts';
import type { PrintLine } from './print-line.ts';
import { signalled } from './signals.ts';

const ENTRY = fileURLToPath(new URL('bin/density.js', PROJECT));
const PRINT_AFTER_MS = 300;
const VERBS = { kill: 'SIGKILL', stop: 'SIGTERM', pause: 'SIGSTOP', resume: 'SIGCONT' } as const;
const USAGE = 'kill n2 | stop n2 | pause n2 | resume n2 | start';

export async function clusterCommand(config: Config, nodes: number, printLine: PrintLine): Promise<number> {
  const signal = signalled();
  const engines = await startEngines(config, printLine, (error) => printLine(error.message));
  const readingsKey = config.READINGS_KEY ?? (await readingsKeyIn(config.DENSITY_DATA_DIR));
  const readable = prettyFactory({
    colorize: process.stdout.isTTY,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  const running = new Map<string, ChildProcess>();
  let started = 0;
  const start = (): void => {
    const name = `n${++started}`;
    const child = spawn(process.execPath, [ENTRY, 'run'], {
      env: environmentWith({
        NATS_URL: engines.natsUrl,
        CLICKHOUSE_URL: engines.clickhouseUrl,
        NODE_NAME: name,
        INSTANCE_ID: name,
        READINGS_KEY: readingsKey,
        PORT: config.PORT === 0 ? '0' : String(config.PORT + started - 1),
      }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.set(name, child);
    createInterface({ input: child.stdout }).on('line', (line) => printLine(`${name}  ${line}`));
    createInterface({ input: child.stderr }).on('line', (line) => printLine(`${name}  ${readable(line).trimEnd()}`));
    child.once('exit', (code, by) => {
      running.delete(name);
      printLine(`${name}  ended (${by ?? code})`);
    });
  };
  for (let n = 0; n < nodes; n++) start();
  const over = new AbortController();
  const watching = printOwners(config, engines.natsUrl, printLine, over.signal);
  const commands = createInterface({ input: process.stdin });
  commands.on('line', (line) => {
    const [verb, name] = line.trim().split(/\s+/);
    const child = running.get(name ?? '');
    if (verb === 'start') start();
    else if (child && verb !== undefined && verb in VERBS) child.kill(VERBS[verb as keyof typeof VERBS]);
    else printLine(`commands: ${USAGE}`);
  });
  printLine(`starting ${nodes} nodes. Commands: ${USAGE}`);
  await signal;
  commands.close();
  over.abort();
  await watching.catch(() => undefined);
  await Promise.all(
    [...running.values()].map(async (child) => {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    }),
  );
  await engines.stop();
  return 0;
}

async function printOwners(config: Config, natsUrl: string, printLine: PrintLine, signal: AbortSignal): Promise<void> {
  const nats = await connectNats(natsUrl, 'density-cluster');
  const leases = await NatsLeases.open(nats, config.LEASE_TTL_MS, config.STREAM_REPLICAS);
  const names = new Map<string, string>();
  const holders = new Map<number, string>();
  let timer: NodeJS.Timeout | undefined;
  let printed = '';
  const print = (): void => {
    timer = undefined;
    const shards = Array.from({ length: config.PARTITIONS }, (_, k) => k);
    const owners = [
      ...new Set([...names.values(), ...[...holders.values()].map((id) => names.get(id) ?? 'a stopped node')]),
    ].sort();
    const of = (name: string): string =>
      shards
        .filter((k) => (names.get(holders.get(k) ?? '') ?? (holders.has(k) ? 'a stopped node' : '')) === name)
        .join(' ');
    const free = shards.filter((k) => !holders.has(k)).join(' ');
    const text = [...owners.map((name) => `${name}: ${of(name) || '-'}`), ...(free ? [`no owner: ${free}`] : [])].join(
      '   ',
    );
    if (text !== printed) printLine(`shards  ${text}`);
    printed = text;
  };
  await leases.watch((change) => {
    if (change.kind === 'member') {
      if (change.member) names.set(change.id, change.member.name);
      else names.delete(change.id);
    } else if (change.holder === undefined) holders.delete(change.shard);
    else holders.set(change.shard, change.holder);
    timer ??= setTimeout(print, PRINT_AFTER_MS);
  }, signal);
  clearTimeout(timer);
  await nats.nc.close();
}
