// How long the program takes to start: `density --help` against a Node that does nothing, and `npm start`, engines included, until it is
// ready on the data of 1,200 spaces. BENCH_CHECKOUT measures the program of another checkout.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDensity, type DensityProcess } from '../test/support/density-process.ts';
import { request } from '../test/support/local-service.ts';
import { ROOT } from '../test/support/project.ts';
import { cpuSecondsOf } from './support/cpu.ts';
import { machine, numberFrom, printLine } from './support/output.ts';
import { recordedPid } from './support/process-usage.ts';
import { SERVICE_DEFAULTS, SYNC_INTERVAL } from './support/processes.ts';
import { median } from './support/statistics.ts';

const [RUNS, SPACES, READINGS_PER_SPACE] = [numberFrom('BENCH_RUNS', 5), numberFrom('BENCH_SPACES', 1_200), 10];
const ENTRY = join(process.env['BENCH_CHECKOUT'] ?? ROOT, 'bin/density.js');
const DAY_MS = 86_400_000;
const STEPS = { 'nats-server': /nats-server .*/, ClickHouse: /ClickHouse engine/, ready: /is ready: (\S+)\/health/ };

interface Start {
  /** Until the step, since the start. */
  readonly ms: Readonly<Record<keyof typeof STEPS, number>>;
  /** Until it is ready. */
  readonly cpuMs: Readonly<Record<'service' | 'nats-server' | 'ClickHouse', number>>;
}

const run = promisify(execFile);

/** The time of a command and the CPU time of its processes, in milliseconds, from bash: Node does not provide that of its children. */
async function timed(command: readonly string[]): Promise<{ ms: number; cpuMs: number }> {
  const quoted = command.map((word) => `'${word}'`).join(' ');
  const { stderr } = await run('bash', ['-c', `TIMEFORMAT='%R %U %S'; time ${quoted} > /dev/null`]);
  const [real = NaN, user = NaN, system = NaN] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return { ms: real * 1_000, cpuMs: (user + system) * 1_000 };
}

async function measureHelp(): Promise<void> {
  const commands = {
    'node -e 0': ['-e', '0'],
    'density --help': [ENTRY, '--help'],
    'density routes': [ENTRY, 'routes'],
  };
  const results = new Map<string, { ms: number; cpuMs: number }[]>();
  // The first run of a command may compile it, or read its files from disk.
  for (let n = 0; n <= RUNS; n++)
    for (const [name, args] of Object.entries(commands)) {
      const result = await timed([process.execPath, ...args]);
      if (n > 0) results.set(name, [...(results.get(name) ?? []), result]);
    }
  const bare = median(results.get('node -e 0')?.map(({ cpuMs }) => cpuMs) ?? []);
  for (const [name, measured] of results) {
    const [ms, cpuMs] = [median(measured.map((one) => one.ms)), median(measured.map((one) => one.cpuMs))];
    printLine(
      `${name}: ${ms.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms, ${(cpuMs / bare).toFixed(1)} times that of node -e 0`,
    );
  }
}

function start(dataDir: string): DensityProcess {
  const settings = { ...SERVICE_DEFAULTS, NATS_SYNC_INTERVAL: SYNC_INTERVAL, DENSITY_DATA_DIR: dataDir };
  const service = startDensity(['run'], settings, ENTRY);
  process.once('exit', () => service.child.kill('SIGTERM'));
  return service;
}

async function fill(dataDir: string): Promise<void> {
  const service = start(dataDir);
  const [, api = ''] = await service.waitForOutput(STEPS.ready);
  const numbers = Array.from({ length: SPACES }, (_, n) => n);
  const imported = await request(`${api}/topology/import`, 'POST', {
    spaces: numbers.map((n) => ({ name: `space ${n}` })),
    doorways: numbers.map((n) => ({ name: `doorway ${n}`, ingress_space: `space ${n}` })),
    dpus: numbers.map((n) => ({ id: `dpu-${n}`, placements: [{ doorway: `doorway ${n}` }] })),
  });
  const now = Date.now();
  const sent = await request(
    `${api}/readings/batch`,
    'POST',
    numbers.flatMap((n) =>
      Array.from({ length: READINGS_PER_SPACE }, (_, k) => ({
        dpu_id: `dpu-${n}`,
        timestamp: new Date(now - (DAY_MS * k) / READINGS_PER_SPACE - n).toISOString(),
        direction: k % 3 === 0 ? -1 : 1,
      })),
    ),
  );
  if (imported.status !== 200 || sent.status !== 202) throw new Error(JSON.stringify([imported, sent]));
  await service.end('SIGTERM');
}

async function measureStart(dataDir: string): Promise<Start> {
  const startedAt = performance.now();
  const service = start(dataDir);
  const at = async (step: keyof typeof STEPS): Promise<number> => {
    await service.waitForOutput(STEPS[step]);
    return performance.now() - startedAt;
  };
  const [nats, clickhouse, ready] = await Promise.all([at('nats-server'), at('ClickHouse'), at('ready')]);
  const cpuMs = {
    service: cpuSecondsOf(service.child.pid ?? NaN) * 1_000,
    'nats-server': cpuSecondsOf(await recordedPid(join(dataDir, 'nats/nats-server.pid'))) * 1_000,
    ClickHouse: cpuSecondsOf(await recordedPid(join(dataDir, 'clickhouse/clickhouse.pid'))) * 1_000,
  };
  await service.end('SIGTERM');
  return { ms: { 'nats-server': nats, ClickHouse: clickhouse, ready }, cpuMs };
}

printLine(machine());
await measureHelp();
const dataDir = await mkdtemp(join(tmpdir(), 'density-bench-'));
try {
  await fill(dataDir);
  const starts: Start[] = [];
  for (let n = 0; n < RUNS; n++) starts.push(await measureStart(dataDir));
  const middle = (of: (one: Start) => number): string => median(starts.map(of)).toFixed(0);
  const cpuMs = ({ cpuMs: { service, 'nats-server': nats, ClickHouse } }: Start): number => service + nats + ClickHouse;
  printLine(
    `npm start with ${SPACES} spaces: nats-server ${middle(({ ms }) => ms['nats-server'])} ms, ClickHouse ${middle(({ ms }) => ms.ClickHouse)} ms, ready ${middle(({ ms }) => ms.ready)} ms (fastest ${Math.min(...starts.map(({ ms }) => ms.ready)).toFixed(0)} ms)`,
  );
  printLine(
    `CPU until ready: service ${middle((one) => one.cpuMs.service)} + nats-server ${middle((one) => one.cpuMs['nats-server'])} + ClickHouse ${middle((one) => one.cpuMs.ClickHouse)} = ${middle(cpuMs)} ms`,
  );
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
printLine(machine());
