// Kills and suspends real processes at random moments, without waiting for the others to recover, while DPUs send out
// of order and twice, DPUs are moved, and spaces are reset; on request nats-server's files are damaged, too. Then every
// count is compared with the oracle, and a loss must have been reported if and only if something was damaged.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { queryRows } from '../../src/clickhouse/query-rows.ts';
import { findNatsServer } from '../../src/local/nats/nats-binary.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { ROOT } from '../simulation/bundle.ts';
import { Random } from '../simulation/random.ts';
import { eventually } from '../support/eventually.ts';
import { compareWithOracle } from './comparison.ts';
import { drawLoad, type Load } from './load.ts';
import { drawPlan, expectedMs, type Fault, type VictimName } from './plan.ts';
import { PARTITIONS, Processes } from './processes.ts';
import { askingUntilAnswered, raiseBuilding, sendUntilAcknowledged, type Ask } from './sending.ts';
import { FaultInjector } from './fault-injector.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly kills: number;
  readonly damages: number;
  readonly readingsPerSecond: number;
  readonly printLine: (line: string) => void;
}

export interface ChaosReport {
  readonly sent: number;
  readonly distinct: number;
  readonly kills: Readonly<Record<VictimName, number>>;
  readonly suspensions: number;
  readonly damages: number;
  readonly blocksMovedAway: number;
  readonly moves: number;
  /** The losses that `/health` reports. */
  readonly losses: number;
  readonly compared: number;
  readonly differences: readonly string[];
  readonly seconds: number;
}

const KILL_INTERVAL_MS = 2_000;
const CHANGE_INTERVAL_MS = 10_000;
const IN_FLIGHT = 40;
const POLL_MS = 50;
/** How many times as long as expected a plan may take on a busy machine. */
const BUSY = 4;
const ANSWER_MAX_MS = 5_000;
/** After the last kill. On a busy machine every process may be killed again before it is ready. */
const ANSWERED_WITHIN_MS = 300_000;
const HEALTHY_WITHIN_MS = 120_000;
/** A single damage may hit data that nothing else has recorded yet, or that exists twice. */
const DAMAGES_WITH_LOSS = 5;
/** The messages that report a damaged log. */
const ALARM = /a log has gone back|the logs are repaired/;

export async function chaos({
  seed,
  kills,
  damages,
  readingsPerSecond,
  printLine,
}: ChaosOptions): Promise<ChaosReport> {
  const startedAt = performance.now();
  const plan = drawPlan(new Random(seed + 2), { kills, damages, intervalMs: KILL_INTERVAL_MS });
  const lengthMs = plan.reduce((sum, fault) => sum + expectedMs(fault), 0);
  const readings = Math.ceil((readingsPerSecond * lengthMs) / 1_000);
  const load = drawLoad(new Random(seed), readings, Date.now(), Math.ceil(lengthMs / CHANGE_INTERVAL_MS));
  const folder = await mkdtemp(join(tmpdir(), 'density-chaos-'));
  const binary =
    process.env['NATS_SERVER_BIN'] ??
    (await findNatsServer({ cacheDir: join(ROOT, '.cache/nats-server'), onProgress: printLine })).path;
  const errors = new Map<string, number>();
  const processes = await Processes.start({
    folder,
    binary,
    onError: (message) => errors.set(message, (errors.get(message) ?? 0) + 1),
  });
  const faults = new FaultInjector({ processes, binary, folder, printLine, counted: () => countedBy(processes.apis) });
  try {
    let asked = 0;
    const withinMs = BUSY * lengthMs + ANSWERED_WITHIN_MS;
    const ask = askingUntilAnswered(() => processes.apis[asked++ % processes.apis.length] ?? '', withinMs);
    await raiseBuilding(ask, load);
    const { natsUrl } = processes;
    const acknowledged = await sendDuringFaults({ plan, withinMs, load, ask, faults, natsUrl, printLine });
    const { remains } = faults;
    printLine(`all sent after ${seconds(startedAt)} s; comparing`);
    const { sent, distinct, compared, differences } = await compareWithOracle({
      load,
      random: new Random(seed + 1),
      natsUrl,
      clickhouseUrl: processes.clickhouseUrl,
      partitions: PARTITIONS,
      ask: async (path) => ask('GET', path),
      acknowledged: acknowledged.filter(({ at }) => at > (remains?.at ?? 0)).map(({ message }) => message),
      remains,
    });
    const { losses, objections } = await reportedLosses(ask, processes.clickhouseUrl, faults.damages);
    await processes.stop();
    for (const [message, times] of [...errors].sort(([, a], [, b]) => b - a).slice(0, 10))
      printLine(`logged ${times} times: ${message}`);
    const alarms = damages > 0 ? [] : [...errors.keys()].filter((message) => ALARM.test(message));
    return {
      sent,
      distinct,
      kills: faults.kills,
      suspensions: faults.suspensions,
      damages: faults.damages,
      blocksMovedAway: faults.blocksMovedAway,
      moves: load.moves.length,
      losses,
      compared,
      differences: [...differences, ...objections, ...alarms, ...processes.ownEnds],
      seconds: Number(seconds(startedAt)),
    };
  } finally {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface SendOptions {
  readonly plan: readonly Fault[];
  readonly withinMs: number;
  readonly load: Load;
  readonly ask: Ask;
  readonly faults: FaultInjector;
  readonly natsUrl: string;
  readonly printLine: (line: string) => void;
}

interface Acknowledged {
  readonly message: Load['messages'][number];
  readonly at: number;
}

/** Sends the load evenly while the planned faults are injected. */
async function sendDuringFaults(options: SendOptions): Promise<Acknowledged[]> {
  const { plan, withinMs, load, ask, faults, natsUrl, printLine } = options;
  const { messages, moves } = load;
  const { nc, js } = await connectNats(natsUrl, 'chaos');
  const due = async (part: number): Promise<void> => {
    while (faults.progress < part) await sleep(POLL_MS);
  };
  const acknowledged: Acknowledged[] = [];
  let [next, moved] = [0, 0];
  const publish = async (): Promise<void> => {
    for (let n = next++; n < messages.length; n = next++) {
      const message = messages[n] as Load['messages'][number];
      await due(n / messages.length);
      await sendUntilAcknowledged(js, message, withinMs);
      acknowledged.push({ message, at: performance.now() });
    }
  };
  const move = async (): Promise<void> => {
    for (const [n, { path, method, body }] of moves.entries()) {
      await due(n / moves.length);
      await ask(method, path, body);
      moved += 1;
    }
  };
  const kill = async (): Promise<void> => {
    await faults.carryOut(plan);
    printLine(
      `the last kill came after ${acknowledged.length} of ${messages.length} messages and ${moved} of ${moves.length} moves and resets`,
    );
  };
  await Promise.all([kill(), move(), ...Array.from({ length: IN_FLIGHT }, publish)]);
  await nc.close();
  return acknowledged;
}

/** Asks all processes; the first answer counts. */
async function countedBy(apis: readonly string[]): Promise<number> {
  return Promise.any(
    apis.map(async (api) => {
      const response = await fetch(`${api}/account`, { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
      if (response.status !== 200) throw new Error(String(response.status));
      const { applied, held } = (await response.json()) as { applied: number; held: number };
      return applied + held;
    }),
  );
}

/** Waits until everything is healthy. @returns the number of reported losses, and objections to it */
async function reportedLosses(
  ask: Ask,
  clickhouseUrl: string,
  damages: number,
): Promise<{ losses: number; objections: string[] }> {
  const health = await eventually(async () => {
    const found = (await ask('GET', '/health')) as { status: string; losses: unknown[] };
    if (found.status !== 'ok') throw new Error(JSON.stringify(found));
    return found;
  }, HEALTHY_WITHIN_MS).catch((error: unknown) => String(error));
  if (typeof health === 'string') return { losses: 0, objections: [`not healthy at the end: ${health}`] };
  const losses = health.losses.length;
  const client = await connectClickHouse(clickhouseUrl);
  const [[epochs] = [NaN]] = await queryRows<[number]>(client, 'SELECT toUInt32(max(epoch)) FROM log_epochs', {});
  await client.close();
  if (damages > 0) {
    const isMissing = losses === 0 && damages >= DAMAGES_WITH_LOSS;
    return { losses, objections: isMissing ? [`${damages} damages, and no loss is reported`] : [] };
  }
  return {
    losses,
    objections: losses > 0 || epochs !== 0 ? [`nothing was lost: ${losses} losses, epoch ${epochs}`] : [],
  };
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
