// How long a shard is unavailable when its process leaves: stopped (SIGTERM), killed, and killed while a standby has a
// copy. Three processes on real engines, with leases as long as in production. Spaces of these shards are polled
// alternately through the other two processes, 20 times a second each; the watch of the leases shows when a shard's
// lease was freed and taken.
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { readConfig } from '../src/config.ts';
import type { DpuId, Partition, SpaceId } from '../src/domain/ids.ts';
import { formatInstant } from '../src/domain/instant.ts';
import { partitionOfSpace } from '../src/domain/partition.ts';
import { startEngines } from '../src/local/engines.ts';
import { connectNats } from '../src/nats/connect.ts';
import { NatsLeases } from '../src/nats/leases.ts';
import { NatsReadingsLog } from '../src/nats/readings-log.ts';
import { NatsReportRequests } from '../src/nats/report-requests.ts';
import { startDensity, type DensityProcess } from '../test/support/density-process.ts';
import { eventually } from '../test/support/eventually.ts';
import { QUICK, request } from '../test/support/local-service.ts';
import { machine, printLine } from './support/output.ts';

const [PARTITIONS, TTL_MS, SPACES, RUNS] = [16, 5_000, 48, Number(process.env['BENCH_RUNS'] ?? 3)];
const [POLL_MS, LOAD_EVERY_MS, WITHIN_MS] = [50, 20, 90_000];
/** The production settings that tests shorten, but without a rate limit. */
const ENVIRONMENT = {
  TICK_INTERVAL_MS: '',
  OUT_OF_ORDERNESS_MS: '',
  IDLE_TIMEOUT_MS: '',
  BLOCK_AGE_MAX_MS: '',
  LEASE_TTL_MS: String(TTL_MS),
  PARTITIONS: String(PARTITIONS),
  RATE_LIMIT_PER_MINUTE: '0',
};
const NAMES = ['a', 'b', 'c'];

interface Node extends DensityProcess {
  readonly name: string;
  readonly api: string;
}
interface Polled {
  reads: number;
  failed: number;
  longestAnswerMs: number;
  longestWithoutMs: number;
  firstAfterFailureAt: number;
  lastAt: number;
  lastStatus: number;
}
interface Case {
  readonly title: string;
  readonly signal: NodeJS.Signals;
  readonly standby: '0' | '1';
}

const folder = await mkdtemp(join(tmpdir(), 'density-handover-'));
const engines = await startEngines(readConfig({ ...QUICK, DENSITY_DATA_DIR: folder }), printLine, (error) => {
  throw error;
});
const nats = await connectNats(engines.natsUrl, 'bench');
const leases = await NatsLeases.open(nats, TTL_MS, 1);
const requests = new NatsReportRequests(nats.nc, pino({ level: 'silent' }));
const over = new AbortController();
const nodes = new Map<string, Node>();
const [holders, members] = [new Map<number, string>(), new Map<string, string>()];
/** For each shard, when its lease was last freed, and taken after that. */
const [freedAt, takenAt] = [new Map<number, number>(), new Map<number, number>()];
const spaceIds = Array.from({ length: SPACES }, (_, n) => (n + 1) as SpaceId);
const shardOf = (spaceId: SpaceId): Partition => partitionOfSpace(spaceId, PARTITIONS);

void leases
  .watch((change) => {
    if (change.kind === 'member') {
      if (change.member) members.set(change.id, change.member.name);
      else members.delete(change.id);
    } else if (change.holder === undefined) {
      freedAt.set(change.shard, performance.now());
      holders.delete(change.shard);
    } else {
      if (!holders.has(change.shard)) takenAt.set(change.shard, performance.now());
      holders.set(change.shard, change.holder);
    }
  }, over.signal)
  .catch((error: unknown) => {
    throw error;
  });

async function start(name: string, standby: '0' | '1'): Promise<void> {
  const child = startDensity(['run'], {
    NATS_URL: engines.natsUrl,
    CLICKHOUSE_URL: engines.clickhouseUrl,
    NODE_NAME: name,
    STANDBY: standby,
    ...ENVIRONMENT,
  });
  const [, api = ''] = await child.waitForOutput(/density-api is ready: (\S+)\/health/);
  nodes.set(name, { ...child, name, api });
}

const shardsOf = (name: string): number[] =>
  [...holders].flatMap(([shard, holder]) => (members.get(holder) === name ? [shard] : []));
const require = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

/**
 * Every process has its share, every space is answered by every process, and with standbys every shard has an
 * up-to-date copy.
 */
async function settled(standby: '0' | '1'): Promise<void> {
  await eventually(() => {
    const shares = NAMES.map((name) => shardsOf(name).length);
    require(shares.reduce((sum, share) => sum + share, 0) === PARTITIONS &&
      Math.min(...shares) >= 5, `shares ${shares.join()}`);
  }, WITHIN_MS);
  await eventually(async () => {
    for (const { api } of nodes.values())
      for (const id of spaceIds)
        require((await request(`${api}/counts/${id}/current`, 'GET')).status === 200, `space ${id}`);
    if (standby === '1')
      for (const id of spaceIds)
        require(typeof (await requests.ask(shardOf(id), 'standby', id, Date.now(), 2_000)) ===
          'object', `no copy for ${id}`);
  }, WITHIN_MS);
}

async function raiseBuilding({ api }: Node): Promise<void> {
  const create = async (path: string, body: object): Promise<number> =>
    ((await request(`${api}${path}`, 'POST', body)).body as { id: number }).id;
  for (const n of spaceIds) {
    const id = await create('/spaces', { name: `space ${n}` });
    require(id === n, `space ${n} has the id ${id}`);
    const doorway = await create('/doorways', { name: `doorway ${n}`, ingress_space_id: id, egress_space_id: null });
    await create('/dpus', { id: `dpu-${n}`, doorway_id: doorway });
  }
}

async function load(): Promise<void> {
  const log = new NatsReadingsLog(nats.nc, nats.js, nats.jsm);
  for (let n = 0; !over.signal.aborted; n++) {
    await log.append(
      `dpu-${(n % SPACES) + 1}` as DpuId,
      Buffer.from(JSON.stringify({ timestamp: formatInstant(Date.now()), direction: n % 3 === 0 ? -1 : 1 })),
    );
    await sleep(LOAD_EVERY_MS);
  }
}

/** Polls a space; each question is sent on time, whether or not the previous one was answered. */
async function poll(apis: readonly string[], spaceId: SpaceId, ended: AbortSignal): Promise<Polled> {
  const polled: Polled = {
    reads: 0,
    failed: 0,
    longestAnswerMs: 0,
    longestWithoutMs: 0,
    firstAfterFailureAt: 0,
    lastAt: performance.now(),
    lastStatus: 0,
  };
  const ask = async (api: string): Promise<void> => {
    const askedAt = performance.now();
    const status = await request(`${api}/counts/${spaceId}/current`, 'GET').then(
      (answer) => answer.status,
      () => 0,
    );
    const now = performance.now();
    polled.reads += 1;
    polled.longestAnswerMs = Math.max(polled.longestAnswerMs, now - askedAt);
    if (status === 200) {
      if (polled.lastStatus !== 200) polled.firstAfterFailureAt = now;
      polled.longestWithoutMs = Math.max(polled.longestWithoutMs, now - polled.lastAt);
      polled.lastAt = now;
    } else polled.failed += 1;
    polled.lastStatus = status;
  };
  const asked: Promise<void>[] = [];
  for (let n = Math.floor(Math.random() * apis.length); !ended.aborted; n++) {
    asked.push(ask(apis[n % apis.length] ?? ''));
    await sleep(POLL_MS);
  }
  await Promise.all(asked);
  return polled;
}

/** One process leaves. @returns a row of the table, once the cluster is as before */
async function run({ title, signal }: Case, name: string): Promise<string> {
  const victim = nodes.get(name) as Node;
  const shards = shardsOf(name);
  const apis = [...nodes.values()].filter((node) => node !== victim).map(({ api }) => api);
  const ended = new AbortController();
  const ids = shards.flatMap((shard) => spaceIds.find((id) => shardOf(id) === shard) ?? []);
  const polls = ids.map((id) => poll(apis, id, ended.signal));
  await sleep(1_000);
  const goneAt = performance.now();
  nodes.delete(name);
  await victim.end(signal);
  const endedMs = performance.now() - goneAt;
  await eventually(
    () => require(shards.every((shard) => (takenAt.get(shard) ?? 0) > goneAt), 'not all shards are taken over'),
    WITHIN_MS,
  );
  await eventually(async () => {
    for (const api of apis)
      for (const id of spaceIds)
        require((await request(`${api}/counts/${id}/current`, 'GET')).status === 200, `space ${id}`);
  }, WITHIN_MS);
  await sleep(1_000);
  ended.abort();
  const polled = await Promise.all(polls);
  const max = (of: (each: Polled) => number): number => Math.round(Math.max(...polled.map(of)));
  const handedMs = Math.max(...shards.map((shard) => (takenAt.get(shard) ?? NaN) - (freedAt.get(shard) ?? NaN)));
  const takenMs = Math.max(...shards.map((shard) => (takenAt.get(shard) ?? NaN) - goneAt));
  const allMs = Math.max(
    0,
    max((each) => (each.failed > 0 ? each.firstAfterFailureAt - goneAt : 0)),
  );
  const [reads, failed] = [
    polled.reduce((sum, each) => sum + each.reads, 0),
    polled.reduce((sum, each) => sum + each.failed, 0),
  ];
  const cells = [
    title,
    `${shards.length}`,
    signal === 'SIGTERM' ? ms(endedMs) : '',
    ms(handedMs),
    ms(takenMs),
    `${failed} of ${reads}`,
    failed > 0 ? ms(allMs) : '0',
    ms(max((each) => each.longestWithoutMs)),
    ms(max((each) => each.longestAnswerMs)),
    (loadavg()[0] ?? NaN).toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}
function ms(value: number): string {
  return `${Math.round(value).toLocaleString('en')} ms`;
}

const CASES: readonly Case[] = [
  { title: 'SIGTERM', signal: 'SIGTERM', standby: '0' },
  { title: 'kill -9', signal: 'SIGKILL', standby: '0' },
  { title: 'kill -9, `STANDBY=1`', signal: 'SIGKILL', standby: '1' },
];

let loading: Promise<void> | undefined;
try {
  let isRaised = false;
  const rows: string[] = [];
  for (const standby of ['0', '1'] as const) {
    for (const node of nodes.values()) await node.end('SIGTERM');
    nodes.clear();
    for (const name of NAMES) await start(name, standby);
    if (!isRaised) await raiseBuilding(nodes.get('a') as Node);
    isRaised = true;
    loading ??= load();
    for (const each of CASES.filter((one) => one.standby === standby)) {
      for (let n = 0; n < RUNS; n++) {
        const name = NAMES[n % NAMES.length] ?? '';
        await settled(standby);
        rows.push(await run(each, name));
        printLine(rows.at(-1) ?? '');
        await start(name, standby);
      }
    }
  }
  printLine(
    '\n| a process leaves | its shards | it exited after | a lease was free for | all taken after | reads not answered 200 | all answer 200 after | longest without a 200 | longest answer | load |',
  );
  printLine(`|${' --- |'.repeat(10)}`);
  for (const row of rows) printLine(row);
  printLine(machine());
} finally {
  over.abort();
  await loading?.catch(() => undefined);
  for (const node of nodes.values()) await node.end('SIGKILL');
  await nats.nc.close();
  await engines.stop();
  await rm(folder, { recursive: true, force: true });
}
