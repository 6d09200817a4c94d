// Requests a second for the current count of a space, with authentication, limits, metrics and the log of requests on, and the CPU time
// of one; as a ratio to a bare Koa with a router that answers as many bytes, and to one that has all of that as well and counts
// nothing. Services and load are separate processes.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { CpuMeter } from './support/cpu.ts';
import { sendLoad } from './support/http-load.ts';
import { grouped, machine, numberFrom, printLine } from './support/output.ts';
import { withService } from './support/processes.ts';
import { median } from './support/statistics.ts';

const CONNECTIONS = numberFrom('BENCH_CONNECTIONS', 32);
const SECONDS = numberFrom('BENCH_SECONDS', 8);
const ROUNDS = numberFrom('BENCH_ROUNDS', 3);
/** V8 goes on optimising the service for half a minute, in which a request takes up to twice the CPU time. */
const WARM_UP_SECONDS = numberFrom('BENCH_WARM_UP_SECONDS', 40);
const TOKEN = 'bench-0123456789abcdef0123456789abcdef';
const HEADERS = { authorization: `Bearer ${TOKEN}` };
const TOKENS = [
  { name: 'bench', hash: `sha256:${createHash('sha256').update(TOKEN).digest('hex')}`, scopes: ['read', 'admin'] },
];

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** @returns the id of a new space */
async function createSpace(api: string): Promise<number> {
  const answer = await fetch(`${api}/spaces`, {
    method: 'POST',
    headers: { ...HEADERS, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'hall' }),
  });
  if (answer.status !== 201) throw new Error(`POST /spaces: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { id: number }).id;
}

interface Measurable {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
}

async function startKoa(name: string, path: string, args: string[]): Promise<Measurable> {
  const child = fork(fileURLToPath(new URL('./support/bare-koa.ts', import.meta.url)), args, {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  // As the service's log is read: a write costs more if it wakes a reader.
  child.stderr?.resume();
  if (child.stderr instanceof Socket) child.stderr.unref();
  // It ends when this process does.
  child.unref();
  const [port] = (await once(child, 'message')) as [number];
  child.channel?.unref();
  return { name, pid: child.pid ?? NaN, url: `http://127.0.0.1:${port}/api/v1${path}` };
}

function ratio(rounds: readonly Round[][], of: (round: Round[]) => [number | undefined, number | undefined]): string {
  const ratios = rounds.map(of).map(([a = NaN, b = NaN]) => a / b);
  return median(ratios).toFixed(2);
}

async function measured({ name, pid, url }: Measurable): Promise<Round> {
  const meter = new CpuMeter({ server: pid });
  const { answered, failed, seconds, p50Ms, p99Ms } = await sendLoad({
    ...{ url, connections: CONNECTIONS, seconds: SECONDS, headers: HEADERS },
  });
  const cpuMicros = ((meter.read().cpuSeconds.get('server') ?? NaN) * 1e6) / answered;
  const perSecond = answered / seconds;
  printLine(
    `${name.padEnd(12)}: ${grouped(perSecond)} requests/s, ${cpuMicros.toFixed(1)} us CPU each, p50 ${p50Ms} ms, p99 ${p99Ms} ms${failed > 0 ? `, ${failed} FAILED` : ''}`,
  );
  return { perSecond, cpuMicros };
}

await withService(
  async ({ api, pids }) => {
    const path = `/counts/${await createSpace(api)}/current`;
    const answer = await (await fetch(`${api}${path}`, { headers: HEADERS })).text();
    const servers = [
      { name: 'service', pid: pids.service, url: `${api}${path}` },
      await startKoa('bare Koa', path, [answer]),
      await startKoa('equipped Koa', path, [answer, TOKEN]),
    ];
    for (const { url } of servers)
      await sendLoad({ url, connections: CONNECTIONS, seconds: WARM_UP_SECONDS, headers: HEADERS });
    const rounds: Round[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const measuredNow: Round[] = [];
      for (const server of servers) measuredNow.push(await measured(server));
      rounds.push(measuredNow);
    }
    for (const [nth, { name }] of servers.entries())
      if (nth > 0)
        printLine(
          `the service answers ${ratio(rounds, (round) => [round[0]?.perSecond, round[nth]?.perSecond])} of the requests/s of the ${name}, ${ratio(rounds, (round) => [round[nth]?.cpuMicros, round[0]?.cpuMicros])} by CPU time (medians)`,
        );
    printLine(`(${machine()})`);
  },
  { AUTH_TOKENS: JSON.stringify({ tokens: TOKENS }), RATE_LIMIT_PER_MINUTE: '100000000', LOG_LEVEL: 'info' },
);
