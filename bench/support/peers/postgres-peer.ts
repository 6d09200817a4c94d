// PostgreSQL as an earlier implementation used it: one table of readings, a hypertable if TimescaleDB is there, and a
// view of running counts, partitioned by space. In favour of PostgreSQL: placements have spans, so that a DPU can be
// moved from an instant on; a unique key recognises what is sent again; and the index has all columns that the view reads.
import { CpuMeter, cpuSecondsOfTree } from '../cpu.ts';
import { formatInstant } from '../../../src/domain/instant.ts';
import { csvOf, dpuName, type Crowd, type Reading } from './crowd.ts';
import { allQuarters, CLIENTS, QUARTER_MS, QUARTERS, type Peer } from './peer.ts';
import { withPostgresServer, type PostgresServer } from './postgres-server.ts';
import { Psql } from './psql.ts';

/** `true` counts as the service does: an exit from an empty space changes nothing. The earlier implementation was without. */
const HAS_FLOOR = process.env['PEERS_FLOOR'] === 'true';
const COUNT = HAS_FLOOR ? 'sum - least(0, min(sum) OVER (PARTITION BY space_id ORDER BY timestamp))' : 'sum';
const TABLES = `
CREATE TABLE placements (
  dpu_id text, space_id int, sign int, valid_from timestamptz, valid_to timestamptz,
  PRIMARY KEY (dpu_id, valid_from, space_id)
);
CREATE INDEX ON placements (space_id);
CREATE TABLE readings (
  dpu_id text NOT NULL, timestamp timestamptz NOT NULL, direction smallint NOT NULL, id text NOT NULL,
  UNIQUE (dpu_id, timestamp, id) INCLUDE (direction)
);
CREATE VIEW events AS
  SELECT p.space_id, r.timestamp, r.direction * p.sign AS delta
  FROM readings r JOIN placements p
    ON p.dpu_id = r.dpu_id AND r.timestamp >= p.valid_from AND r.timestamp < p.valid_to;
CREATE VIEW sums AS
  SELECT space_id, timestamp, delta, sum(delta) OVER (PARTITION BY space_id ORDER BY timestamp) AS sum FROM events;
CREATE VIEW counts AS
  SELECT space_id, timestamp, delta, ${COUNT} AS count FROM sums;`;

const HYPERTABLE = `
CREATE EXTENSION timescaledb;
SELECT create_hypertable('readings', 'timestamp', chunk_time_interval => interval '1 day', create_default_indexes => false);`;

const PREPARED = `
PREPARE insert_one (text, timestamptz, smallint, text) AS
  INSERT INTO readings VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
PREPARE count_now (int) AS
  SELECT count FROM counts WHERE space_id = $1 ORDER BY timestamp DESC LIMIT 1;
PREPARE count_at (int, timestamptz) AS
  SELECT count FROM counts WHERE space_id = $1 AND timestamp <= $2 ORDER BY timestamp DESC LIMIT 1;
PREPARE counts_of_day (int, timestamptz, timestamptz) AS
  SELECT extract(epoch FROM date_bin('15 minutes', timestamp, $2) - $2) * 1000 / ${QUARTER_MS} AS quarter,
    (array_agg(count ORDER BY timestamp DESC))[1], min(count), max(count),
    count(*) FILTER (WHERE delta > 0), count(*) FILTER (WHERE delta < 0)
  FROM counts WHERE space_id = $1 AND timestamp >= $2 AND timestamp < $3 GROUP BY 1;
CREATE TEMP TABLE incoming (dpu_id text, timestamp timestamptz, direction smallint, id text);`;

export async function withPostgres(bin: string, crowd: Crowd, act: (peer: Peer) => Promise<void>): Promise<void> {
  await withPostgresServer(bin, async (server) => {
    const sessions = Array.from({ length: CLIENTS }, () => new Psql(server));
    const [first] = sessions;
    if (first === undefined) throw new Error('there is no session');
    try {
      await first.run(TABLES);
      if (server.hasTimescale) await first.run(HYPERTABLE);
      const placements = Array.from({ length: crowd.dpus }, (_, dpu) => placement(dpu, crowd.spaceOf(dpu)));
      await first.run(`INSERT INTO placements VALUES ${placements.join()};`);
      for (const session of sessions) await session.run(PREPARED);
      const [[version = '']] = (await first.run('SHOW server_version;')) as [string[]];
      const [[timescale] = []] = await first.run("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb';");
      await act(peerOn(server, sessions, first, `PostgreSQL ${version.split(' ')[0]}`, timescale));
    } finally {
      await Promise.all(sessions.map(async (session) => session.close()));
    }
  });
}

const placement = (dpu: number, space: number, from = '-infinity'): string =>
  `('${dpuName(dpu)}', ${space}, 1, '${from}', 'infinity')`;
const quoted = (ms: number): string => `'${formatInstant(ms)}'`;
const firstNumber = (rows: readonly string[][]): number => Number(rows[0]?.[0] ?? 0);

function peerOn(
  server: PostgresServer,
  sessions: readonly Psql[],
  first: Psql,
  name: string,
  timescale: string | undefined,
): Peer {
  return {
    name: timescale === undefined ? name : `${name}, TimescaleDB ${timescale}`,
    design: `many readings by COPY into a temporary table, from there with ON CONFLICT DO NOTHING; fsync and synchronous_commit on; ${HAS_FLOOR ? 'with' : 'without'} a floor at 0`,
    meter: () => new CpuMeter({ PostgreSQL: server.pid }, cpuSecondsOfTree),
    encode: (readings) => csvOf(readings),
    insertMany: async (body) => {
      await first.run(
        `COPY incoming FROM STDIN (FORMAT csv);\n${body}\\.\nINSERT INTO readings SELECT * FROM incoming ON CONFLICT DO NOTHING; TRUNCATE incoming;`,
      );
    },
    insertOne: async (client, { dpu, atMs, direction, id }: Reading) => {
      await sessions[client]?.run(`EXECUTE insert_one('${dpuName(dpu)}', ${quoted(atMs)}, ${direction}, '${id}');`);
    },
    untilCounted: async () => undefined,
    untilStored: async () => {
      await first.run('VACUUM ANALYZE readings;');
      await first.run('CHECKPOINT;');
    },
    countNow: async (space) => firstNumber(await first.run(`EXECUTE count_now(${space});`)),
    countAt: async (space, atMs) => firstNumber(await first.run(`EXECUTE count_at(${space}, ${quoted(atMs)});`)),
    countsOfDay: async (space, startMs) => {
      const end = quoted(startMs + QUARTERS * QUARTER_MS);
      const rows = await first.run(`EXECUTE counts_of_day(${space}, ${quoted(startMs)}, ${end});`);
      return allQuarters(new Map(rows.map(([quarter, count]) => [Number(quarter), Number(count)])));
    },
    move: async (dpu, toDoorOfDpu, fromMs) => {
      const at = quoted(fromMs);
      await first.run(`BEGIN;
        INSERT INTO placements SELECT '${dpuName(dpu)}', space_id, sign, ${at}, 'infinity'
          FROM placements WHERE dpu_id = '${dpuName(toDoorOfDpu)}' AND valid_to = 'infinity';
        UPDATE placements SET valid_to = ${at} WHERE dpu_id = '${dpuName(dpu)}' AND valid_from < ${at} AND valid_to > ${at};
        COMMIT;`);
    },
    bytesStored: async () =>
      timescale === undefined
        ? firstNumber(await first.run("SELECT pg_total_relation_size('readings');"))
        : firstNumber(await first.run("SELECT hypertable_size('readings');")),
  };
}
