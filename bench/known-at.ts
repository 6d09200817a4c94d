// The cost of an answer with `known_at`, relative to the same answer without it, over ten million stored events of one space in
// the real engine; and the bytes that the place of each row takes.
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
import type { SpaceEvents } from '../src/counts/space-events.ts';
import type { Partition, SpaceId } from '../src/domain/ids.ts';
import { intervalBounds, parseInterval } from '../src/domain/interval.ts';
import { TopologyHistory } from '../src/domain/topology-history.ts';
import { startClickhouse } from '../src/local/clickhouse/clickhouse-engine.ts';
import { spaceCalled } from '../test/support/space-called.ts';
import { machine, printLine } from './support/output.ts';

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 10_000_000);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 7);
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const DAYS = 300;
const END_MS = START_MS + DAYS * DAY_MS;
/** Known at half of the events. */
const MIDDLE_MS = START_MS + 100 * DAY_MS;
const PAGE = 1_000;
/** Each commit has events of other spaces, too. */
const SEQS_PER_EVENT = 3;
const LAST_SEQ = EVENTS * SEQS_PER_EVENT + 10;
const [NEVER_RESET, RESET_DAILY] = [1, 2] as SpaceId[] as [SpaceId, SpaceId];

interface Asked {
  readonly counts: Counts;
  readonly events: () => Promise<SpaceEvents>;
}

const dataDir = await mkdtemp(join(tmpdir(), 'density-bench-'));
const engine = await startClickhouse({ dataDir, host: '127.0.0.1', port: 0, logFile: join(dataDir, 'log') });
const client = createClient({ url: engine.url, request_timeout: 600_000 });

async function store(spaceId: SpaceId): Promise<void> {
  await client.command({
    query: `
    INSERT INTO space_events (space_id, timestamp_ms, reading_id, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block, commit_seq)
    SELECT ${spaceId}, ${START_MS} + intDiv(number * ${DAYS * DAY_MS}, ${EVENTS}) + cityHash64(number) % 900 AS at,
      concat(dpu, '~', toString(at), if(way > 0, '~+', '~-')), concat('dpu-', toString(number % 4)) AS dpu, 1,
      if(number % 2 = 0, 1, -1) AS way, way > 0, way < 0, 0, 1, 1, 0, 1, number * ${SEQS_PER_EVENT} + cityHash64(number) % 7
    FROM numbers(${EVENTS})`,
  });
}

async function timed(ask: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await ask();
  return performance.now() - startedAt;
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? NaN;

try {
  await createTables(client);
  for (const spaceId of [NEVER_RESET, RESET_DAILY]) await store(spaceId);
  printLine(`${2 * EVENTS} events are stored`);
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('never reset', NEVER_RESET) } });
  const daily = { ...spaceCalled('reset daily', RESET_DAILY), dailyReset: '04:00' };
  topology.apply({ seq: 2, fact: { kind: 'space', doc: daily } });
  const fold = new PartitionFold(0 as Partition, 1, { seq: LAST_SEQ, openNumber: 2 });
  const reports = {
    isCutOff: false,
    report: async (spaceId: SpaceId, atMs: number) =>
      Promise.resolve({ ...reportSpace(fold, spaceId, atMs), watermarkMs: END_MS, isStale: false }),
  };
  const history = new ClickHouseHistory(client, 'bench');
  const places = new ClickHouseLogPlaces(client);
  const pages = new ClickHouseEventPages(client);
  const eventCounts = new EventCounts(topology, reports, history, pages);
  const counts = new Counts(topology, reports, history);
  const asKnown = new AsKnown({ partitions: 1, topology, reports, history, places, pages, now: Date.now });
  const quarter = parseInterval('15m');
  const day = parseInterval('1d');
  if (!quarter || !day) throw new Error('no interval');
  const bounds = {
    day: intervalBounds(END_MS - 8 * DAY_MS, END_MS - 7 * DAY_MS, quarter, 'UTC'),
    year: intervalBounds(START_MS, END_MS, day, 'UTC'),
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
  const questions: [what: string, spaceId: SpaceId, ask: (some: Asked) => Promise<unknown>][] = [
    ['count at an instant, never reset', NEVER_RESET, ({ counts: some }) => some.at(NEVER_RESET, END_MS - DAY_MS)],
    ['count at an instant, reset daily', RESET_DAILY, ({ counts: some }) => some.at(RESET_DAILY, END_MS - DAY_MS)],
    ['a day by 15 minutes, reset daily', RESET_DAILY, ({ counts: some }) => some.intervals(RESET_DAILY, bounds.day)],
    [
      `${DAYS} days by the day, reset daily`,
      RESET_DAILY,
      ({ counts: some }) => some.intervals(RESET_DAILY, bounds.year),
    ],
    ['first page of all events, reset daily', RESET_DAILY, page(START_MS, END_MS, false)],
    ['last page of all events, reset daily', RESET_DAILY, page(START_MS, END_MS, true)],
    ['last page of all events, never reset', NEVER_RESET, page(START_MS, END_MS, true)],
    ['page in the middle, reset daily', RESET_DAILY, page(MIDDLE_MS, MIDDLE_MS + DAY_MS, false)],
  ];
  printLine(
    '| question | as it is | as it was known at the end | ratio | as it was known at half of the events | ratio |',
  );
  printLine('| --- | --- | --- | --- | --- | --- |');
  for (const [what, spaceId, ask] of questions) {
    const { asOf } = await counts.at(spaceId, END_MS);
    if (!asOf) throw new Error('no place');
    const half = { ...asOf, seq: Math.floor(LAST_SEQ / 2) };
    const times: [number[], number[], number[]] = [[], [], []];
    for (let run = 0; run < RUNS; run++) {
      const now = { counts, events: () => eventCounts.ofSpace(spaceId, END_MS) };
      times[0].push(await timed(() => ask(now)));
      for (const [n, place] of [asOf, half].entries())
        times[n + 1]?.push(
          await timed(async () => {
            const known = await asKnown.space(spaceId, { asOf: [place] });
            return ask({ counts: known.counts, events: async () => Promise.resolve(known.events()) });
          }),
        );
    }
    const [now, known, earlier] = [median(times[0]), median(times[1]), median(times[2])];
    printLine(
      `| ${what} | ${now.toFixed(0)} ms | ${known.toFixed(0)} ms | ${(known / now).toFixed(2)} | ${earlier.toFixed(0)} ms | ${(earlier / now).toFixed(2)} |`,
    );
  }
  const sizes = await client.query({
    query: `SELECT sum(column_data_compressed_bytes) / ${2 * EVENTS}, sumIf(column_data_compressed_bytes, column = 'commit_seq') / ${2 * EVENTS}
      FROM system.parts_columns WHERE active AND table = 'space_events' AND database = currentDatabase()`,
    format: 'JSONCompactEachRow',
  });
  const [[whole, place] = [NaN, NaN]] = await sizes.json<[number, number]>();
  printLine(`a row takes ${Number(whole).toFixed(1)} bytes, of which ${Number(place).toFixed(2)} for its commit`);
  printLine(machine());
} finally {
  await client.close();
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
}
