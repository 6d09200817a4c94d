// Requests a second for the current count of a space, with authentication, limits, metrics and the log of requests on, and the CPU time
// of one; as a ratio to a bare Koa with a router that answers as many bytes. Service, bare server and load are separate processes.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CpuMeter } from './support/cpu.ts';
import { sendLoad } from './support/http-load.ts';
import { grouped, machine, numberFrom, printLine } from './support/output.ts';
import { withService } from './support/processes.ts';
import { median } from './support/statistics.ts';

const CONNECTIONS = numberFrom('BENCH_CONNECTIONS', 32);
const SECONDS = numberFrom('BENCH_SECONDS', 8);
const ROUNDS = numberFrom('BENCH_ROUNDS', 3);
const WARM_UP_SECONDS = 3;
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

async function measured(name: string, pid: number, url: string): Promise<Round> {
  const meter = new CpuMeter({ server: pid });
  const { answered, failed, seconds, p50Ms, p99Ms } = await sendLoad({
    ...{ url, connections: CONNECTIONS, seconds: SECONDS, headers: HEADERS },
  });
  const cpuMicros = ((meter.read().cpuSeconds.get('server') ?? NaN) * 1e6) / answered;
  const perSecond = answered / seconds;
  printLine(
    `${name}: ${grouped(perSecond)} requests/s, ${cpuMicros.toFixed(1)} us CPU each, p50 ${p50Ms} ms, p99 ${p99Ms} ms${failed > 0 ? `, ${failed} FAILED` : ''}`,
  );
  return { perSecond, cpuMicros };
}

await withService(
  async ({ api, pids }) => {
    const path = `/counts/${await createSpace(api)}/current`;
    const answer = await (await fetch(`${api}${path}`, { headers: HEADERS })).text();
    const bare = fork(fileURLToPath(new URL('./support/bare-koa.ts', import.meta.url)), [answer]);
    const [port] = (await once(bare, 'message')) as [number];
    const bareUrl = `http://127.0.0.1:${port}/api/v1${path}`;
    try {
      for (const url of [`${api}${path}`, bareUrl])
        await sendLoad({ url, connections: CONNECTIONS, seconds: WARM_UP_SECONDS, headers: HEADERS });
      const rounds: [Round, Round][] = [];
      for (let round = 0; round < ROUNDS; round++)
        rounds.push([
          await measured('service  ', pids.service, `${api}${path}`),
          await measured('bare Koa ', bare.pid ?? NaN, bareUrl),
        ]);
      const ratios = rounds.map(([service, koa]) => service.perSecond / koa.perSecond);
      const costs = rounds.map(([service, koa]) => koa.cpuMicros / service.cpuMicros);
      printLine(
        `ratio, median: ${median(ratios).toFixed(2)} of its requests/s, ${median(costs).toFixed(2)} by CPU time   (${machine()})`,
      );
    } finally {
      bare.disconnect();
    }
  },
  { AUTH_TOKENS: JSON.stringify({ tokens: TOKENS }), RATE_LIMIT_PER_MINUTE: '100000000', LOG_LEVEL: 'info' },
);
