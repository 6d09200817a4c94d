// The service beside two simpler ways to count people, in one run: PostgreSQL (with TimescaleDB if it is installed) with
// a view of running counts, and ClickHouse alone with sums. How fast each takes readings and answers, what that costs in
// CPU time of all its processes, and whether the answers are right when readings are late or repeated, when a DPU had been
// moved, and when somebody came in unseen. People are invented, so what is right is known.
import { Crowd, type Reading, type Trouble } from './support/peers/crowd.ts';
import { withClickhouse } from './support/peers/clickhouse-peer.ts';
import { withDensity } from './support/peers/density-peer.ts';
import { CLIENTS, QUARTER_MS, type Peer } from './support/peers/peer.ts';
import { withPostgres } from './support/peers/postgres-peer.ts';
import { findPostgres } from './support/peers/postgres-server.ts';
import { cpuTotal, perReading, type CpuUse } from './support/cpu.ts';
import { grouped, inMs, machine, numberFrom, printLine } from './support/output.ts';
import { quantile } from './support/statistics.ts';

const READINGS = numberFrom('PEERS_READINGS', 1_000_000);
const SPACES = numberFrom('PEERS_SPACES', 1_000);
/** How long single readings are inserted, and how long each question is asked. */
const INSERT_MS = numberFrom('PEERS_INSERT_SECONDS', 20) * 1000;
const ASK_MS = numberFrom('PEERS_ASK_SECONDS', 5) * 1000;
const READINGS_PER_INSERT = 100_000;
/** So many spaces without trouble are compared. */
const COMPARED_MAX = 50;
/** How long an answer may take to become right. */
const RIGHT_WITHIN_MS = numberFrom('PEERS_RIGHT_WITHIN_SECONDS', 15) * 1000;
const SPACES_MIN = 10;
const WAYS = ['postgres', 'clickhouse', 'density'];

/** By what was measured: the figure of each peer. */
const table = new Map<string, Map<string, string>>();

function note(peer: Peer, what: string, figure: string): void {
  printLine(`  ${what}: ${figure}`);
  table.set(what, (table.get(what) ?? new Map<string, string>()).set(peer.name, figure));
}

/** By process, if there are several. */
const costOf = (use: CpuUse, readings: number): string =>
  use.cpuSeconds.size > 1
    ? perReading(use, readings)
    : `${((cpuTotal(use) * 1e6) / readings).toFixed(1)} us CPU a reading`;

async function insertMany(peer: Peer, readings: readonly Reading[]): Promise<void> {
  for (let from = 0; from < readings.length; from += READINGS_PER_INSERT)
    await peer.insertMany(peer.encode(readings.slice(from, from + READINGS_PER_INSERT)));
}

async function measureMany(peer: Peer, crowd: Crowd): Promise<void> {
  const bodies: string[] = [];
  for (let from = 0; from < crowd.inTime.length; from += READINGS_PER_INSERT)
    bodies.push(peer.encode(crowd.inTime.slice(from, from + READINGS_PER_INSERT)));
  const count = crowd.inTime.length;
  const meter = peer.meter();
  for (const body of bodies) await peer.insertMany(body);
  const acknowledged = meter.read();
  await peer.untilCounted(count);
  const counted = meter.read();
  await peer.untilStored(count, crowd.inTime.at(-1)?.atMs ?? 0);
  const stored = meter.read();
  note(peer, 'many at once, acknowledged', `${grouped(count / acknowledged.seconds)}/s`);
  note(peer, 'many at once, counted', `${grouped(count / counted.seconds)}/s; ${costOf(counted, count)}`);
  note(peer, 'the same with all work that follows', costOf(stored, count));
  note(peer, 'disk, a reading', `${((await peer.bytesStored()) / count).toFixed(0)} bytes`);
}

async function measureSingle(peer: Peer, crowd: Crowd): Promise<void> {
  const meter = peer.meter();
  const end = performance.now() + INSERT_MS;
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
  const acknowledged = meter.read();
  const sent = crowd.inTime.length + times.length;
  await peer.untilCounted(sent);
  const counted = meter.read();
  await peer.untilStored(sent, Date.now());
  const stored = meter.read();
  times.sort((a, b) => a - b);
  const latency = `p50 ${inMs(quantile(times, 0.5))}, p99 ${inMs(quantile(times, 0.99))}`;
  note(
    peer,
    `single ones of ${CLIENTS} clients, acknowledged`,
    `${grouped(times.length / acknowledged.seconds)}/s; ${latency}`,
  );
  note(peer, 'single ones, counted', `${grouped(times.length / counted.seconds)}/s; ${costOf(counted, times.length)}`);
  note(peer, 'single ones with all work that follows', costOf(stored, times.length));
}

async function measureQuestions(peer: Peer, crowd: Crowd): Promise<void> {
  const { spaces } = crowd.troubles.none;
  const questions: Readonly<Record<string, (nth: number, space: number) => Promise<unknown>>> = {
    'count now': async (_, space) => peer.countNow(space),
    'count at an instant': async (nth, space) =>
      peer.countAt(space, crowd.dayMs + ((nth * 7) % 96) * QUARTER_MS + (nth % 1_000)),
    'a day by 15 minutes': async (_, space) => peer.countsOfDay(space, crowd.dayMs),
  };
  for (const [what, ask] of Object.entries(questions)) {
    const times: number[] = [];
    const meter = peer.meter();
    for (let nth = 0, end = performance.now() + ASK_MS; performance.now() < end; nth++) {
      const startedAt = performance.now();
      await ask(nth, spaces[(nth * 7919) % spaces.length] ?? 0);
      times.push(performance.now() - startedAt);
    }
    const cpuMs = (cpuTotal(meter.read()) * 1000) / times.length;
    times.sort((a, b) => a - b);
    note(
      peer,
      what,
      `p50 ${inMs(quantile(times, 0.5))}, p99 ${inMs(quantile(times, 0.99))}; ${cpuMs.toFixed(2)} ms CPU`,
    );
  }
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
async function tell(peer: Peer, crowd: Crowd, trouble: Trouble, act: () => Promise<void>): Promise<void> {
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

async function measure(peer: Peer, crowd: Crowd): Promise<void> {
  printLine(`${peer.name}: ${peer.design}   (${machine()})`);
  await measureMany(peer, crowd);
  await measureQuestions(peer, crowd);
  await measureSingle(peer, crowd);
  const { none, late, repeated, moved, unseen } = crowd.troubles;
  const compared = none.spaces.slice(0, COMPARED_MAX);
  await tell(peer, crowd, { ...none, spaces: compared }, async () => undefined);
  await tell(peer, crowd, late, async () => insertMany(peer, crowd.late));
  await tell(peer, crowd, repeated, async () => insertMany(peer, crowd.repeated));
  await tell(peer, crowd, moved, async () => {
    for (const { dpu, toDoorOfDpu, fromMs } of crowd.moves) await peer.move(dpu, toDoorOfDpu, fromMs);
  });
  await tell(peer, crowd, unseen, async () => insertMany(peer, crowd.ofUnseen));
}

function printTable(): void {
  const names = [...new Set([...table.values()].flatMap((row) => [...row.keys()]))];
  printLine(`| | ${names.join(' | ')} |`);
  printLine(`| --- |${' --- |'.repeat(names.length)}`);
  for (const [what, figures] of table)
    printLine(`| ${what} | ${names.map((name) => figures.get(name) ?? '').join(' | ')} |`);
}

if (SPACES < SPACES_MIN) throw new Error(`PEERS_SPACES: at least ${SPACES_MIN}`);
printLine(`about ${grouped(READINGS)} readings of a day in ${grouped(SPACES)} spaces`);
for (const way of (process.env['PEERS_WAYS'] ?? WAYS.join()).split(',')) {
  // One each, with the same people, because those who pass singly pass now.
  const crowd = new Crowd(SPACES, READINGS);
  const act = async (peer: Peer): Promise<void> => measure(peer, crowd);
  if (way === 'postgres') {
    const bin = await findPostgres();
    if (bin === undefined)
      printLine('PostgreSQL is not installed (PEERS_POSTGRES_BIN is the folder of its programs), so it is left out.');
    else await withPostgres(bin, crowd, act);
  } else if (way === 'clickhouse') await withClickhouse(crowd, act);
  else if (way === 'density') await withDensity(crowd, act);
  else throw new Error(`PEERS_WAYS: ${way} is none of ${WAYS.join(', ')}`);
}
printTable();
