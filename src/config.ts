// All configuration, read once from environment variables. The README's table is generated from this schema (`npm run docs:config`),
// so every variable is documented.
import { z } from 'zod';
import { parseInstant } from './domain/instant.ts';
import { DEFAULT_SETTINGS } from './domain/topology.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const path = z.string().min(1).optional();
const ms = z.coerce.number().int().min(0);
/** In nats-server's notation: KB, MB, GB and TB are powers of 1024. */
const bytes = z
  .string()
  .trim()
  .regex(/^\d+(?:[KMGT]B)?$/i, 'must be a number of bytes, such as 500MB or 20GB')
  .transform(
    (text) =>
      Number.parseInt(text, 10) *
      1024 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(/[KMGT]?B$/i.exec(text)?.[0].toUpperCase() ?? 'B'),
  );
const MB = 1024 * 1024;
const url = z
  .string()
  .trim()
  .transform((text) => text || undefined)
  .pipe(
    z
      .string()
      .regex(/^[a-z]+:\/\/\S+$/, 'must be a URL')
      .optional(),
  );

export const CONFIG = {
  HOST: z.string().min(1).default('127.0.0.1').describe('address that the HTTP API listens on'),
  PORT: port.default(8000).describe('port of the HTTP API; 0 picks a free one'),
  NATS_URL: url
    .optional()
    .describe(
      'URL of the NATS server, such as nats://host:4222, or several separated by commas; if unset, one is started on this machine',
    ),
  NATS_CREDENTIALS_FILE: path.describe('file with the credentials for NATS_URL (docs/operations.md)'),
  NATS_CA_FILE: path.describe(
    'file with the CA certificates to verify the server at NATS_URL; if set, the connection must use TLS',
  ),
  NATS_CERT_FILE: path.describe('file with the client certificate, if the server requires one'),
  NATS_KEY_FILE: path.describe('file with the key of the client certificate'),
  CLICKHOUSE_URL: url
    .optional()
    .describe(
      'URL of ClickHouse, such as http://user:password@host:8123/database; if unset, the local engine is started on this machine',
    ),
  NATS_PORT: port.default(4222).describe('port of the NATS server started here; 0 picks a free one'),
  MQTT_PORT: port
    .default(1883)
    .describe("port of that server's MQTT gateway, which speaks MQTT 3.1.1 only; 0 picks a free one"),
  NATS_SYNC_INTERVAL: z
    .string()
    .regex(/^(always|\d+(ms|s|m|h))$/, 'must be always, or a duration such as 2m')
    .default('always')
    .describe(
      'when the NATS server started here syncs its files to disk. always: before every acknowledgement. A duration such as 2m is faster, but readings acknowledged since the last sync may be lost in a power failure or a crash of the machine',
    ),
  CLICKHOUSE_CLUSTER: z
    .string()
    .regex(/^\w+$/, 'must be a name')
    .optional()
    .describe(
      'name of a ClickHouse cluster, on all replicas of which replicated tables are created; if unset, ClickHouse is a single server',
    ),
  CLICKHOUSE_COLD_VOLUME: z
    .string()
    .regex(/^\w+$/, 'must be a name')
    .optional()
    .describe(
      "volume of the tables' storage policy to which old rows are moved (applied by `density migrate`); if unset, they are not moved. No row is ever deleted",
    ),
  HISTORY_HOT_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .default(365)
    .describe('age in days at which rows are moved to CLICKHOUSE_COLD_VOLUME'),
  CLICKHOUSE_PORT: port.default(8123).describe('port of the ClickHouse engine started here; 0 picks a free one'),
  DENSITY_DATA_DIR: z.string().min(1).default('.density').describe('folder for the data of the engines started here'),
  NATS_SERVER_BIN: z
    .string()
    .optional()
    .describe('nats-server program to start; if unset, it is looked for on PATH, then downloaded'),
  NATS_STORE_MAX: bytes
    .refine((size) => size >= 256 * MB, 'must be at least 256MB')
    .optional()
    .describe(
      'disk space for JetStream, the same as max_file_store of the NATS server; the streams share it, and READINGS gets 60 % of it. If unset: three quarters of the free space for a server started here, otherwise the limit of the account, if any',
    ),
  DEAD_LETTERS_BYTES_MAX: bytes
    .refine((size) => size >= 4 * MB, 'must be at least 4MB')
    .default(256 * MB)
    .describe(
      'maximum size of all dead letters, at most 5 % of NATS_STORE_MAX; beyond it the oldest are removed, but remain counted',
    ),
  DEAD_LETTERS_KEPT_DAYS: z.coerce
    .number()
    .min(0)
    .default(90)
    .describe('how long dead letters are kept; removed ones remain counted'),
  PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(16)
    .describe('number of shards; cannot be changed once the streams exist'),
  STREAM_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('replicas of each stream; use 3 in production'),
  OUT_OF_ORDERNESS_MS: ms
    .default(DEFAULT_SETTINGS.outOfOrdernessMs)
    .describe("how far out of order a DPU's readings may be before they count as late"),
  IDLE_TIMEOUT_MS: ms
    .default(DEFAULT_SETTINGS.idleTimeoutMs)
    .describe('a DPU that is silent for longer does not delay finality'),
  SKEW_MAX_MS: ms.default(300_000).describe('how far the timestamp of a reading may be ahead of its arrival'),
  EARLIEST_TIMESTAMP: z
    .string()
    .default('2000-01-01T00:00:00Z')
    .transform((text, context): number => {
      const instant = parseInstant(text);
      if (instant !== undefined) return instant;
      context.addIssue({ code: 'custom', message: 'must be an ISO 8601 instant with an offset' });
      return z.NEVER;
    })
    .describe('a device that sends an earlier timestamp has not set its clock: its readings become dead letters'),
  READINGS_KEY: z
    .string()
    .min(16)
    .optional()
    .describe(
      'secret for marking readings accepted over HTTP, so that no router rejects them for their timestamp; must be the same in all processes. If unset: generated and kept in DENSITY_DATA_DIR if NATS is started here, otherwise readings are not marked',
    ),
  BLOCK_ROWS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(DEFAULT_SETTINGS.blockRowsMax)
    .describe('number of rows at which a block is sent to ClickHouse'),
  BLOCK_AGE_MAX_MS: ms.default(DEFAULT_SETTINGS.blockAgeMaxMs).describe('age at which a block is sent to ClickHouse'),
  LATE_BLOCK_AGE_MAX_MS: ms
    .default(DEFAULT_SETTINGS.lateBlockAgeMaxMs)
    .describe('the same for a block with a late reading, because counts may be estimates until it is stored'),
  REPEATED_LATE_BLOCK_AGE_MAX_MS: ms
    .default(8_000)
    .describe(
      'the same while late readings keep coming: each block becomes twice as old as the one before, up to this age; no effect below LATE_BLOCK_AGE_MAX_MS',
    ),
  BUFFER_EVENTS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(DEFAULT_SETTINGS.bufferEventsMax)
    .describe("maximum size of a space's reorder buffer; beyond it the oldest events become final early"),
  TICK_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(10)
    .default(1_000)
    .describe(
      'interval of ticks in the log while something waits for time to pass, so that counts become final even if nobody passes',
    ),
  READINGS_KEPT_HOURS: z.coerce
    .number()
    .min(0)
    .default(168)
    .describe(
      'minimum time that readings stay in READINGS, unless it is full; they are removed only once they are routed and stored in ClickHouse',
    ),
  SHUTDOWN_WAIT_MS: ms
    .default(0)
    .describe('how long requests are still answered after SIGTERM, with /readyz at 503, so that load balancers notice'),
  AUTH_TOKENS: z
    .string()
    .min(1)
    .optional()
    .describe('content of a token file, for platforms that keep secrets in variables'),
  AUTH_TOKENS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('file with hashed bearer tokens, written by `density token`; reloaded when it changes'),
  AUTH_JWKS_URL: url.optional().describe('URL (https: or file:) of the key set with which JWTs are verified'),
  AUTH_ISSUER: z.string().min(1).optional().describe('required issuer of JWTs; must be set with AUTH_JWKS_URL'),
  AUTH_AUDIENCE: z.string().min(1).optional().describe('required audience of JWTs; must be set with AUTH_JWKS_URL'),
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(0)
    .default(6_000)
    .describe('requests per token and minute that each process accepts; 0 for no limit'),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .describe('origins whose pages may use the API, separated by commas; * for any'),
  STREAM_SUBSCRIBERS_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe('maximum number of live streams of this process; further ones get 503 with retry-after'),
  STREAM_HEARTBEAT_MS: z.coerce
    .number()
    .int()
    .min(50)
    .default(15_000)
    .describe('interval of heartbeats on live streams'),
  DENSITY_TOKEN: z.string().min(1).optional().describe('token that `density` commands send to the service'),
  ROLE: z
    .enum(['all', 'api', 'shards'])
    .default('all')
    .describe(
      'api: answers requests and owns no shards; shards: owns shards, and serves HTTP for probes and metrics; all: both',
    ),
  NODE_NAME: z
    .string()
    .max(100)
    .default('')
    .describe(
      'name of this process in logs and in the list of members; under the same name it gets the same shards again; default: host name and process id',
    ),
  INSTANCE_ID: z
    .string()
    .max(100)
    .optional()
    .describe(
      'an id that stays the same when this process is restarted, such as the uid of its pod: with it the process takes its shards back at once after a crash. Processes that run at the same time must have different ids',
    ),
  LEASE_TTL_MS: z.coerce
    .number()
    .int()
    .min(500)
    .default(5_000)
    .describe('a process that is silent for longer loses its shards; must be the same in all processes'),
  STANDBY: z
    .enum(['0', '1'])
    .default('0')
    .describe(
      "1: keep warm copies of other processes' shards, which answer and take over at once if the owner dies; doubles their memory and CPU",
    ),
  TRACES_URL: url
    .optional()
    .describe(
      'URL of an OTLP collector for traces over HTTP, such as http://collector:4318/v1/traces; if unset, tracing is off',
    ),
  TRACES_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('sampled share of the traces that start in this service'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('minimum level that is logged'),
} as const;

const schema = z.object(CONFIG);

export type Config = z.infer<typeof schema>;

/** A variable has an invalid value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** @throws ConfigError that names the variable */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(CONFIG).flatMap((key) => {
      const value = environment[key];
      return value === undefined || value === '' ? [] : [[key, value]];
    }),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `${issue.path.join('.')}=${JSON.stringify(given[String(issue.path[0])])}: ${issue.message}`,
  );
  throw new ConfigError(problems.join('; '));
}

export function readEnvironment(): Config {
  return readConfig(process.env);
}

/** The environment for a child process: that of this process, with changes. */
export function environmentWith(changes: Readonly<Partial<Record<keyof typeof CONFIG, string>>>): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}

/** All variables with default and meaning, as a Markdown table. */
export function configTable(): string {
  const rows = Object.entries(CONFIG).map(([key, type]) => {
    const { data } = type.safeParse(undefined);
    return `| \`${key}\` | ${data === undefined ? '' : `\`${data}\``} | ${type.description ?? ''} |`;
  });
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
