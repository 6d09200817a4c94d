// The cost of an answer with `known_at`, relative to the same answer without it, over ten million stored events of one space in
// the real engine; and the bytes that the commit of each row takes. A pattern limits it to the questions that match it:
// `npm run bench:known -- page`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { reportSpace } from '../actors/partition/space-report.ts';
import { PartitionFold } from '../actors/partition/partition-fold.ts';
import { ClickHouseEventPages } from '../src/clickhouse/event-pages.ts';
import { ClickHouseHistory } from '../src/clickhouse/history.ts';
import { ClickHouseLogPlaces } from '../src/clickhouse/log-places.ts';
import { createTables } from '../src/clickhouse/tables.ts';
import { AsKnown } from '../src/counts/as-known.ts';
import { Counts } from '../src/counts/counts.ts';
import { EventCounts } from '../src/counts/event-counts.ts';
import type { CountedPlace, SpaceEvents } from '../src/counts/space-events.ts';
import { formatAsOf } from '../src/domain/as-of.ts';
import type { Partition, SpaceId } from '../src/domain/ids.ts';
import { intervalBounds, parseInterval } from '../src/domain/interval.ts';
import { TopologyHistory } from '../src/domain/topology-history.ts';
import { countedPlaceOf } from '../src/http/routes/event-counts-routes.ts';
import { startClickhouse } from '../src/local/clickhouse/clickhouse-engine.ts';
import { spaceCalled } from '../test/support/space-called.ts';
import { cpuSecondsOf } from './support/cpu.ts';
import { machine, printLine } from './support/output.ts';

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 10_000_000);
/** Events of a thousand other spaces in the same shard and table. */
const OTHERS = Number(process.env['BENCH_OTHERS'] ?? 0);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 7);
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const DAYS = 300;
const END_MS = START_MS + DAYS * DAY_MS;
/** What is after it was stored after the hours were. */
const HOURS_UP_TO_MS = END_MS - DAY_MS / 4;
/** Known at half of the events, and unknown early. */
const MIDDLE_MS = START_MS + 100 * DAY_MS;
/** By the part of the events that was known there. */
const PLACES = [
  ['at the end', 1],
  ['at half of the events', 0.5],
  ['at a fiftieth', 0.02],
] as const;
const PAGE = 1_000;
/** Each commit has events of other spaces, too. */
const SEQS_PER_EVENT = 3;
const LAST_SEQ = EVENTS * SEQS_PER_EVENT + 10;
const [NEVER_RESET, RESET_DAILY, MOVED] = [1, 2, 3] as SpaceId[] as [SpaceId, SpaceId, SpaceId];
/** Fewer events, and half as many that a move brought after the end: the index cannot skip any row. */
const MOVED_EVENTS = EVENTS / 5;
const ROWS = 2 * EVENTS + 1.5 * MOVED_EVENTS + OTHERS;
/** Only questions that match this. */
const ASKED = new RegExp(process.argv[2] ?? '');

interface Asked {
  readonly counts: Counts;
  readonly events: () => Promise<SpaceEvents>;
}

const dataDir = await mkdtemp(join(tmpdir(), 'density-bench-'));
const engine = await startClickhouse({ dataDir, host: '127.0.0.1', port: 0, logFile: join(dataDir, 'log') });
const client = createClient({ url: engine.url, request_timeout: 600_000 });

/**
 * @param spaceId or an expression over `number`
 * @param isMove every second event again, of another sensor, and after the end
 */
async function store(spaceId: SpaceId | string, events: number, isMove = false): Promise<void> {
  const seq = isMove
    ? `${LAST_SEQ} + 1`
    : `intDiv(number * ${EVENTS}, ${events}) * ${SEQS_PER_EVENT} + cityHash64(number) % 7`;
  await client.command({
    query: `
    INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block, commit_seq)
    SELECT ${spaceId}, ${START_MS} + intDiv(number * ${DAYS * DAY_MS}, ${events}) + cityHash64(number) % 900 AS at,
      '', concat('dpu-', toString(number % 4 + ${isMove ? 4 : 0})), 1,
      if(number % 2 = 0, 1, -1) AS way, way > 0, way < 0, 0, 1, 1, 0, if(at >= ${HOURS_UP_TO_MS}, 3, ${isMove ? 2 : 1}), ${seq}
    FROM numbers(${events}) ${isMove ? 'WHERE number % 4 < 2' : ''}`,
  });
}

interface Measured {
  readonly run: () => Promise<unknown>;
  readonly times: number[];
  /** Seconds of the engine. */
  cpu: number;
}

async function measure(measured: Measured): Promise<void> {
  const [startedAt, cpuBefore] = [performance.now(), cpuSecondsOf(engine.pid)];
  await measured.run();
  measured.times.push(performance.now() - startedAt);
  measured.cpu += cpuSecondsOf(engine.pid) - cpuBefore;
}

/** As the owner of the shard does every few hours; BENCH_HOURS=false leaves it out. */
async function storeHours(history: ClickHouseHistory, block: number): Promise<void> {
  if (process.env['BENCH_HOURS'] === 'false') return;
  const [startedAt, cpuBefore] = [performance.now(), cpuSecondsOf(engine.pid)];
  await history.storeHours(0 as Partition, block);
  const cpu = cpuSecondsOf(engine.pid) - cpuBefore;
  printLine(`hours up to block ${block}: ${(performance.now() - startedAt).toFixed(0)} ms, ${cpu.toFixed(1)} s of CPU`);
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? NaN;

try {
  await createTables(client);
  for (const spaceId of [NEVER_RESET, RESET_DAILY]) await store(spaceId, EVENTS);
  await store(MOVED, MOVED_EVENTS);
  if (OTHERS > 0) await store('1000 + cityHash64(number, 1) % 1000', OTHERS);
  const history = new ClickHouseHistory(client, 'bench');
  await storeHours(history, 1);
  await store(MOVED, MOVED_EVENTS, true);
  await storeHours(history, 2);
  // Until parts are merged, what came later is in parts of its own.
  await client.command({ query: 'OPTIMIZE TABLE space_events FINAL' });
  // Without a recorded place, each question would look for the first one again.
  await client.command({
    query: `INSERT INTO log_places (cut_ms, epoch, seq, shard, block, complete_seq, is_floor) VALUES (${START_MS}, 0, 0, 0, 0, 0, 0)`,
  });
  printLine(`${ROWS} rows are stored`);
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('never reset', NEVER_RESET) } });
  const daily = { ...spaceCalled('reset daily', RESET_DAILY), dailyReset: '04:00' };
  topology.apply({ seq: 2, fact: { kind: 'space', doc: daily } });
  topology.apply({ seq: 3, fact: { kind: 'space', doc: { ...spaceCalled('moved', MOVED), dailyReset: '04:00' } } });
  const fold = new PartitionFold(0 as Partition, 1, { seq: LAST_SEQ + 1, openNumber: 4 });
  const reports = {
    isCutOff: false,
    report: async (spaceId: SpaceId, atMs: number) =>
      Promise.resolve({ ...reportSpace(fold, spaceId, atMs), watermarkMs: END_MS, isStale: false }),
  };
  const places = new ClickHouseLogPlaces(client);
  const pages = new ClickHouseEventPages(client);
  const eventCounts = new EventCounts(topology, reports, history, pages);
  const counts = new Counts(topology, reports, history);
  const asKnown = new AsKnown({ partitions: 1, topology, reports, history, places, pages, now: Date.now });
  const quarter = parseInterval('15m');
  const [hour, day] = [parseInterval('1h'), parseInterval('1d')];
  if (!quarter || !hour || !day) throw new Error('no interval');
  const bounds = {
    day: intervalBounds(END_MS - 8 * DAY_MS, END_MS - 7 * DAY_MS, quarter, 'UTC'),
    year: intervalBounds(START_MS, END_MS, day, 'UTC'),
    hours: intervalBounds(START_MS, END_MS, hour, 'UTC'),
  };
  /** A page of the counts after each event, with the total, as its route asks for them. */
  const page =
    (fromMs: number, toMs: number, desc: boolean) =>
    async ({ events }: Asked): Promise<unknown> => {
      const some = await events();
      const range = { fromMs, toMs };
      await some.total(range);
      return some.page({ range, after: null, desc, limit: PAGE });
    };
  /** The next page after an instant, with the count in its cursor: the first question of each place is the one that finds it. */
  const nextPage = (afterMs: number): ((some: Asked) => Promise<unknown>) => {
    const cursors = new Map<string, CountedPlace>();
    return async ({ events }) => {
      const some = await events();
      const place = formatAsOf(some.asOf(END_MS));
      const range = { fromMs: START_MS, toMs: END_MS };
      const after = cursors.get(place);
      if (after) return some.page({ range, after, desc: false, limit: PAGE });
      const [last] = await some.page({ range: { ...range, fromMs: afterMs }, after: null, desc: false, limit: 1 });
      if (last) cursors.set(place, countedPlaceOf(last));
      return undefined;
    };
  };
  const questions: [what: string, spaceId: SpaceId, ask: (some: Asked) => Promise<unknown>][] = [
    ['count at an instant, never reset', NEVER_RESET, ({ counts: some }) => some.at(NEVER_RESET, END_MS - DAY_MS)],
    ['count at the end, never reset', NEVER_RESET, ({ counts: some }) => some.at(NEVER_RESET, END_MS - 1)],
    ['count at an instant, reset daily', RESET_DAILY, ({ counts: some }) => some.at(RESET_DAILY, END_MS - DAY_MS)],
    ['a day by 15 minutes, never reset', NEVER_RESET, ({ counts: some }) => some.intervals(NEVER_RESET, bounds.day)],
    [
      `${DAYS} days by the hour, never reset`,
      NEVER_RESET,
      ({ counts: some }) => some.intervals(NEVER_RESET, bounds.hours),
    ],
    [
      `${DAYS} days by the hour, reset daily`,
      RESET_DAILY,
      ({ counts: some }) => some.intervals(RESET_DAILY, bounds.hours),
    ],
    ['a day by 15 minutes, reset daily', RESET_DAILY, ({ counts: some }) => some.intervals(RESET_DAILY, bounds.day)],
    [
      `${DAYS} days by the day, reset daily`,
      RESET_DAILY,
      ({ counts: some }) => some.intervals(RESET_DAILY, bounds.year),
    ],
    ['first page of all events, reset daily', RESET_DAILY, page(START_MS, END_MS, false)],
    ['last page of all events, reset daily', RESET_DAILY, page(START_MS, END_MS, true)],
    ['last page of all events, never reset', NEVER_RESET, page(START_MS, END_MS, true)],
    ['page after a cursor at a third, reset daily', RESET_DAILY, nextPage(MIDDLE_MS)],
    ['page after a cursor at a third, never reset', NEVER_RESET, nextPage(MIDDLE_MS)],
    ['first page of all events, of which a move brought a third since', MOVED, page(START_MS, END_MS, false)],
    ['last page of all events, of which a move brought a third since', MOVED, page(START_MS, END_MS, true)],
    ['first page of a day, reset daily', RESET_DAILY, page(MIDDLE_MS, MIDDLE_MS + DAY_MS, false)],
    ['last page of a day, reset daily', RESET_DAILY, page(MIDDLE_MS, MIDDLE_MS + DAY_MS, true)],
  ];
  printLine(
    `| question | as it is | ${PLACES.map(([where]) => `known ${where} | ratio | ratio of CPU`).join(' | ')} |`,
  );
  printLine(`| --- | --- |${' --- | --- | --- |'.repeat(PLACES.length)}`);
  for (const [what, spaceId, ask] of questions.filter(([name]) => ASKED.test(name))) {
    const { asOf } = await counts.at(spaceId, END_MS);
    if (!asOf) throw new Error('no place');
    const known = PLACES.map(([, part]) => async () => {
      // What a move took away came after the last place.
      const place = { ...asOf, seq: Math.floor(LAST_SEQ * part), watermarkMs: START_MS + part * DAYS * DAY_MS };
      const some = await asKnown.space(spaceId, { asOf: [place] });
      return ask({ counts: some.counts, events: async () => Promise.resolve(some.events()) });
    });
    const now = async (): Promise<unknown> => ask({ counts, events: () => eventCounts.ofSpace(spaceId, END_MS) });
    const all = [now, ...known].map((run) => ({ run, times: [] as number[], cpu: 0 }));
    for (const { run } of all) await run();
    for (let n = 0; n < RUNS; n++) for (const each of all) await measure(each);
    const [base, ...others] = all.map(({ times, cpu }) => ({ ms: median(times), cpu }));
    if (!base) throw new Error('nothing was measured');
    const cells = others.map(
      ({ ms, cpu }) => `${ms.toFixed(0)} ms | ${(ms / base.ms).toFixed(2)} | ${(cpu / base.cpu).toFixed(2)}`,
    );
    printLine(`| ${what} | ${base.ms.toFixed(0)} ms | ${cells.join(' | ')} |`);
  }
  const sizes = await client.query({
    query: `SELECT sum(column_data_compressed_bytes) / ${ROWS}, sumIf(column_data_compressed_bytes, column = 'commit_seq') / ${ROWS}
      FROM system.parts_columns WHERE active AND table = 'space_events' AND database = currentDatabase()`,
    format: 'JSONCompactEachRow',
  });
  const [[whole, place] = [NaN, NaN]] = await sizes.json<[number, number]>();
  printLine(`a row takes ${Number(whole).toFixed(1)} bytes, of which ${Number(place).toFixed(2)} for its commit`);
  const slots = await client.query({
    query: `SELECT sum(rows), sum(data_compressed_bytes) / sum(rows) FROM system.parts WHERE active AND table = 'segments_by_hour' AND database = currentDatabase()`,
    format: 'JSONCompactEachRow',
  });
  const [[stored, bytes] = [NaN, NaN]] = await slots.json<[number, number]>();
  printLine(`${stored} slots of hours are stored, ${Number(bytes).toFixed(1)} bytes each`);
  printLine(machine());
} finally {
  await client.close();
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
}
