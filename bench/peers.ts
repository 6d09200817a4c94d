// The service beside two simpler ways to count people, in one run: PostgreSQL (with TimescaleDB if it is installed) with
// a view of running counts, and ClickHouse alone with sums. How fast each takes readings and answers, what that costs in
// CPU time of all its processes, and whether the answers are right when readings are late or repeated, when a DPU had been
// moved, and when somebody came in unseen. People are invented, so what is right is known.
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd, type Reading, type Trouble } from './support/peers/crowd.ts';
import { withClickhouse } from './support/peers/clickhouse-peer.ts';
import { withDensity } from './support/peers/density-peer.ts';
import { CLIENTS, QUARTER_MS, QUARTERS, type Peer } from './support/peers/peer.ts';
import { withPostgres } from './support/peers/postgres-peer.ts';
import { findPostgres } from './support/peers/postgres-server.ts';
import { cpuTotal, inCores, perReading, type CpuUse } from './support/cpu.ts';
import { grouped, inMs, machine, numberFrom, printLine } from './support/output.ts';
import { median, quantile } from './support/statistics.ts';

const READINGS = numberFrom('PEERS_READINGS', 1_000_000);
const SPACES = numberFrom('PEERS_SPACES', 1_000);
/** How long single readings are inserted, and how long each question is asked, in all rounds together. */
const INSERT_MS = numberFrom('PEERS_INSERT_SECONDS', 20) * 1000;
const ASK_MS = numberFrom('PEERS_ASK_SECONDS', 5) * 1000;
const READINGS_PER_INSERT = 100_000;
/** So many spaces without trouble are compared. */
const COMPARED_MAX = 50;
/** How long an answer may take to become right. */
const RIGHT_WITHIN_MS = numberFrom('PEERS_RIGHT_WITHIN_SECONDS', 15) * 1000;
const IDLE_MS = 10_000;
const SPACES_MIN = 10;
const ROUNDS = numberFrom('PEERS_ROUNDS', 3);

/** By what was measured: the figure of each peer. */
const table = new Map<string, Map<string, string>>();

function note(peer: Peer, what: string, figure: string): void {
  printLine(`${peer.name}, ${what}: ${figure}`);
  table.set(what, (table.get(what) ?? new Map<string, string>()).set(peer.name, figure));
}

/** By process, if there are several. */
const costOf = (use: CpuUse, readings: number): string =>
  use.cpuSeconds.size > 1
    ? perReading(use, readings)
    : `${((cpuTotal(use) * 1e6) / readings).toFixed(1)} us CPU a reading`;

interface Contestant {
  readonly peer: Peer;
  readonly crowd: Crowd;
  /** How many different readings. */
  sent: number;
}

/** Lets one after the other do its part, so that the load of the machine is the same for all. */
async function inTurns(
  all: readonly Contestant[],
  act: (one: Contestant, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) for (const one of all) await act(one, round);
}

/** The CPU of a turn until its readings were counted, and until nothing was left to do. */
interface Turn {
  readonly readings: number;
  readonly acknowledgedSeconds: number;
  readonly counted: CpuUse;
  readonly stored: CpuUse;
}

/** @param insert resolves with the number of readings */
async function takeTurn(one: Contestant, insert: () => Promise<number>, untilMs: () => number): Promise<Turn> {
  const meter = one.peer.meter();
  const readings = await insert();
  const acknowledgedSeconds = meter.read().seconds;
  one.sent += readings;
  await one.peer.untilCounted(one.sent);
  const counted = meter.read();
  await one.peer.untilStored(one.sent, untilMs());
  return { readings, acknowledgedSeconds, counted, stored: meter.read() };
}

function noteTurns({ peer }: Contestant, what: string, turns: readonly Turn[], more = ''): void {
  const rate = (seconds: (turn: Turn) => number): string =>
    `${grouped(median(turns.map((turn) => turn.readings / seconds(turn))))}/s`;
  const cost = (use: (turn: Turn) => CpuUse): string => {
    const costs = turns.map((turn) => cpuTotal(use(turn)) / turn.readings);
    const turn = turns[costs.indexOf(median(costs))];
    return turn ? costOf(use(turn), turn.readings) : '';
  };
  note(peer, `${what}, acknowledged`, `${rate((turn) => turn.acknowledgedSeconds)}${more}`);
  note(peer, `${what}, counted`, `${rate((turn) => turn.counted.seconds)}; ${cost((turn) => turn.counted)}`);
  note(
    peer,
    `${what}, with all work that follows`,
    cost((turn) => turn.stored),
  );
}

function* bodiesOf(peer: Peer, readings: readonly Reading[]): Generator<string> {
  for (let from = 0; from < readings.length; from += READINGS_PER_INSERT)
    yield peer.encode(readings.slice(from, from + READINGS_PER_INSERT));
}

async function insertMany(peer: Peer, readings: readonly Reading[]): Promise<void> {
  for (const body of bodiesOf(peer, readings)) await peer.insertMany(body);
}

async function measureMany(all: readonly Contestant[]): Promise<void> {
  const turns = new Map(all.map((one): [Contestant, Turn[]] => [one, []]));
  await inTurns(all, async (one, round) => {
    const { length } = one.crowd.inTime;
    const part = one.crowd.inTime.slice((round * length) / ROUNDS, ((round + 1) * length) / ROUNDS);
    const bodies = [...bodiesOf(one.peer, part)];
    const insert = async (): Promise<number> => {
      for (const body of bodies) await one.peer.insertMany(body);
      return part.length;
    };
    turns.get(one)?.push(await takeTurn(one, insert, () => part.at(-1)?.atMs ?? 0));
  });
  for (const [one, its] of turns) {
    noteTurns(one, 'many at once', its);
    note(one.peer, 'disk, a reading', `${((await one.peer.bytesStored()) / one.sent).toFixed(0)} bytes`);
  }
}

async function measureSingle(all: readonly Contestant[]): Promise<void> {
  const turns = new Map(all.map((one): [Contestant, Turn[]] => [one, []]));
  const times = new Map(all.map((one): [Contestant, number[]] => [one, []]));
  await inTurns(all, async (one) => {
    const insert = async (): Promise<number> => {
      const found = await insertForAWhile(one);
      times.get(one)?.push(...found);
      return found.length;
    };
    turns.get(one)?.push(await takeTurn(one, insert, Date.now));
  });
  for (const [one, its] of turns)
    noteTurns(one, `single ones of ${CLIENTS} clients`, its, `; ${quantilesOf(times.get(one) ?? [])}`);
}

/** @returns how long each took */
async function insertForAWhile({ peer, crowd }: Contestant): Promise<number[]> {
  const end = performance.now() + INSERT_MS / ROUNDS;
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      while (performance.now() < end) {
        const startedAt = performance.now();
        await peer.insertOne(client, crowd.now());
        times.push(performance.now() - startedAt);
      }
    }),
  );
  return times;
}

const QUESTIONS: Readonly<Record<string, (one: Contestant, space: number, nth: number) => Promise<unknown>>> = {
  'count now': async ({ peer }, space) => peer.countNow(space),
  'count at an instant': async ({ peer, crowd }, space, nth) =>
    peer.countAt(space, crowd.dayMs + ((nth * 7) % QUARTERS) * QUARTER_MS + (nth % 1_000)),
  'a day by 15 minutes': async ({ peer, crowd }, space) => peer.countsOfDay(space, crowd.dayMs),
};

async function measureQuestions(all: readonly Contestant[]): Promise<void> {
  for (const [what, ask] of Object.entries(QUESTIONS)) {
    const found = new Map(all.map((one) => [one, { times: [] as number[], uses: [] as CpuUse[] }]));
    await inTurns(all, async (one) => {
      const { spaces } = one.crowd.troubles.none;
      const its = found.get(one) ?? { times: [], uses: [] };
      const meter = one.peer.meter();
      for (const end = performance.now() + ASK_MS / ROUNDS; performance.now() < end;) {
        const nth = its.times.length;
        const startedAt = performance.now();
        await ask(one, spaces[(nth * 7919) % spaces.length] ?? 0, nth);
        its.times.push(performance.now() - startedAt);
      }
      its.uses.push(meter.read());
    });
    for (const [one, { times, uses }] of found)
      note(one.peer, what, `${quantilesOf(times)}; ${msOf(uses, times.length)} ms CPU`);
  }
}

/** By process, if there are several: `0.10 + 0.20 = 0.30`. */
function msOf(uses: readonly CpuUse[], questions: number): string {
  const ms = (seconds: number): string => ((seconds * 1000) / questions).toFixed(2);
  const names = [...(uses[0]?.cpuSeconds.keys() ?? [])];
  const parts = names.map((name) => uses.reduce((sum, { cpuSeconds }) => sum + (cpuSeconds.get(name) ?? NaN), 0));
  const total = ms(parts.reduce((sum, part) => sum + part, 0));
  return parts.length > 1 ? `${parts.map(ms).join(' + ')} = ${total}` : total;
}

/** What costs CPU without being asked: it is part of the figures of everything else. */
async function measureIdle(all: readonly Contestant[]): Promise<void> {
  const meters = all.map(({ peer }) => peer.meter());
  await sleep(IDLE_MS);
  for (const [n, { peer }] of all.entries()) {
    const use = meters[n]?.read();
    if (use)
      note(peer, 'idle', use.cpuSeconds.size > 1 ? inCores(use) : `${(cpuTotal(use) / use.seconds).toFixed(3)} cores`);
  }
}

function quantilesOf(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  return `p50 ${inMs(quantile(sorted, 0.5))}, p99 ${inMs(quantile(sorted, 0.99))}`;
}

interface Comparison {
  readonly right: number;
  readonly all: number;
}

/** Every quarter of an hour, now, and an instant between them. */
async function compare(peer: Peer, crowd: Crowd, spaces: readonly number[], fromMs: number): Promise<Comparison> {
  let [right, all] = [0, 0];
  const hear = (count: number, space: number, atMs: number): void => {
    if (atMs < fromMs) return;
    all += 1;
    if (count === crowd.peopleAt(space, atMs)) right += 1;
  };
  for (const space of spaces) {
    const counts = await peer.countsOfDay(space, crowd.dayMs);
    for (const [quarter, count] of counts.entries()) hear(count, space, crowd.dayMs + (quarter + 1) * QUARTER_MS - 1);
    hear(await peer.countNow(space), space, Infinity);
    const atMs = fromMs + 9.5 * 3_600_000 + space;
    hear(await peer.countAt(space, atMs), space, atMs);
  }
  return { right, all };
}

/** @param act sends what is in trouble */
async function tell({ peer, crowd }: Contestant, trouble: Trouble, act: () => Promise<void>): Promise<void> {
  await act();
  const sentAt = performance.now();
  for (;;) {
    const seconds = (performance.now() - sentAt) / 1000;
    const { right, all } = await compare(peer, crowd, trouble.spaces, trouble.fromMs);
    if (right < all && seconds * 1000 < RIGHT_WITHIN_MS) continue;
    const after = right === all ? `, ${seconds.toFixed(1)} s after the last was sent` : '';
    return note(peer, `right counts: ${trouble.what}`, `${grouped(right)} of ${grouped(all)}${after}`);
  }
}

async function tellAll(one: Contestant): Promise<void> {
  const { peer, crowd } = one;
  const { none, late, repeated, moved, unseen } = crowd.troubles;
  await tell(one, { ...none, spaces: none.spaces.slice(0, COMPARED_MAX) }, async () => undefined);
  await tell(one, late, async () => insertMany(peer, crowd.late));
  await tell(one, repeated, async () => insertMany(peer, crowd.repeated));
  await tell(one, moved, async () => {
    for (const { dpu, toDoorOfDpu, fromMs } of crowd.moves) await peer.move(dpu, toDoorOfDpu, fromMs);
  });
  await tell(one, unseen, async () => insertMany(peer, crowd.ofUnseen));
}

function printTable(): void {
  const names = [...new Set([...table.values()].flatMap((row) => [...row.keys()]))];
  printLine(`| | ${names.join(' | ')} |`);
  printLine(`| --- |${' --- |'.repeat(names.length)}`);
  for (const [what, figures] of table)
    printLine(`| ${what} | ${names.map((name) => figures.get(name) ?? '').join(' | ')} |`);
}

type Way = (crowd: Crowd, act: (peer: Peer) => Promise<void>) => Promise<void>;
const WAYS: Readonly<Record<string, Way>> = {
  postgres: async (crowd, act) => {
    const bin = await findPostgres();
    if (bin !== undefined) return withPostgres(bin, crowd, act);
    printLine(
      'PostgreSQL is not installed (PEERS_POSTGRES_BIN is the folder of its programs), so it is left out of the comparison.',
    );
  },
  clickhouse: withClickhouse,
  density: withDensity,
};

/** Starts one after the other, so that all of them run. */
async function withAll(ways: readonly string[], ready: readonly Contestant[]): Promise<void> {
  const [way, ...others] = ways;
  if (way === undefined) return contest(ready);
  const start = WAYS[way];
  if (start === undefined) throw new Error(`PEERS_WAYS: ${way} is none of ${Object.keys(WAYS).join(', ')}`);
  // One each, with the same people, because those who pass singly pass now.
  const crowd = new Crowd(SPACES, READINGS);
  let isStarted = false;
  await start(crowd, async (peer) => {
    isStarted = true;
    printLine(`${peer.name}: ${peer.design}`);
    await withAll(others, [...ready, { peer, crowd, sent: 0 }]);
  });
  if (!isStarted) await withAll(others, ready);
}

async function contest(all: readonly Contestant[]): Promise<void> {
  await measureMany(all);
  await measureIdle(all);
  await measureQuestions(all);
  await measureSingle(all);
  for (const one of all) await tellAll(one);
  printLine(machine());
  printTable();
}

if (SPACES < SPACES_MIN) throw new Error(`PEERS_SPACES: at least ${SPACES_MIN}`);
printLine(
  `about ${grouped(READINGS)} readings of a day in ${grouped(SPACES)} spaces, in ${ROUNDS} alternating rounds   (${machine()})`,
);
await withAll(process.env['PEERS_WAYS']?.split(',') ?? Object.keys(WAYS), []);
