// All configuration, read once from the environment. This schema is also the README's table
// (`npm run docs:config`), so that a key cannot exist without a sentence about it.
import { z } from 'zod';
import { DEFAULT_SETTINGS } from './domain/topology.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const path = z.string().min(1).optional();
const ms = z.coerce.number().int().min(0);
/** As nats-server reads them: KB, MB, GB and TB are powers of 1024. */
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
  HOST: z.string().min(1).default('127.0.0.1').describe('address the HTTP API listens on'),
  PORT: port.default(8000).describe('port of the HTTP API; 0 takes any free one'),
  NATS_URL: url
    .optional()
    .describe(
      'NATS server to use, such as nats://host:4222, or several separated by commas; empty: one is started on this machine',
    ),
  NATS_CREDENTIALS_FILE: path.describe('file with the credentials for that server (docs/operations.md)'),
  NATS_CA_FILE: path.describe('CA certificates to verify that server with; if set, the connection must be encrypted'),
  NATS_CERT_FILE: path.describe('client certificate, if that server requires one'),
  NATS_KEY_FILE: path.describe('key of that certificate'),
  CLICKHOUSE_URL: url
    .optional()
    .describe(
      'ClickHouse to use, such as http://user:password@host:8123/database; empty: the engine is started on this machine',
    ),
  NATS_PORT: port.default(4222).describe('port of the NATS server started here; 0 takes any free one'),
  MQTT_PORT: port.default(1883).describe("port of that server's MQTT gateway; 0 takes any free one"),
  NATS_SYNC_INTERVAL: z
    .string()
    .regex(/^(always|\d+(ms|s|m|h))$/, 'must be always, or a duration such as 2m')
    .default('always')
    .describe(
      'when the NATS server started here syncs its files to the disk. always: before each acknowledgement. A duration such as 2m is faster, but after a power failure or a crash of the machine, readings acknowledged since the last sync may be gone',
    ),
  CLICKHOUSE_CLUSTER: z
    .string()
    .regex(/^\w+$/, 'must be a name')
    .optional()
    .describe(
      'name of a ClickHouse cluster: tables are created as replicated tables on all its replicas; empty: one server',
    ),
  CLICKHOUSE_COLD_VOLUME: z
    .string()
    .regex(/^\w+$/, 'must be a name')
    .optional()
    .describe(
      "volume of the tables' storage policy to which `density migrate` has old rows moved; empty: they stay where they are. No row is ever removed",
    ),
  HISTORY_HOT_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .default(365)
    .describe('age, in days, at which rows move to CLICKHOUSE_COLD_VOLUME'),
  CLICKHOUSE_PORT: port.default(8123).describe('port of the ClickHouse engine started here; 0 takes any free one'),
  DENSITY_DATA_DIR: z.string().min(1).default('.density').describe('folder for the data of the engines started here'),
  NATS_SERVER_BIN: z
    .string()
    .optional()
    .describe('nats-server program to start; empty: the one on PATH, otherwise one is fetched'),
  NATS_STORE_MAX: bytes
    .refine((size) => size >= 256 * MB, 'must be at least 256MB')
    .optional()
    .describe(
      'disk space for JetStream, the same as max_file_store of the NATS server: the streams share it, and readings have 60 % of it. Empty: three quarters of the free space for a server started here; otherwise the limit of its account, if it has one',
    ),
  DEAD_LETTERS_BYTES_MAX: bytes
    .refine((size) => size >= 4 * MB, 'must be at least 4MB')
    .default(256 * MB)
    .describe(
      'disk space for dead letters, at most 5 % of NATS_STORE_MAX; beyond that the oldest are removed, and stay counted',
    ),
  DEAD_LETTERS_KEPT_DAYS: z.coerce
    .number()
    .min(0)
    .default(90)
    .describe('how long dead letters are kept at most; those that are removed stay counted'),
  PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(16)
    .describe('number of shards; fixed when the streams are created'),
  STREAM_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('replicas of each stream; 3 in production'),
  OUT_OF_ORDERNESS_MS: ms
    .default(DEFAULT_SETTINGS.outOfOrdernessMs)
    .describe("how far out of order a DPU's readings may be before they count as late"),
  IDLE_TIMEOUT_MS: ms
    .default(DEFAULT_SETTINGS.idleTimeoutMs)
    .describe('a DPU silent for longer does not delay finality'),
  SKEW_MAX_MS: ms.default(300_000).describe('how far ahead of its arrival the timestamp of a reading may be'),
  READINGS_KEY: z
    .string()
    .min(16)
    .optional()
    .describe(
      'secret that marks readings accepted over HTTP, so that no router refuses them for their timestamp; the same in all processes. Empty: one is kept in DENSITY_DATA_DIR if NATS is started here, otherwise readings are not marked',
    ),
  BLOCK_ROWS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(DEFAULT_SETTINGS.blockRowsMax)
    .describe('rows after which a block goes to ClickHouse'),
  BLOCK_AGE_MAX_MS: ms.default(DEFAULT_SETTINGS.blockAgeMaxMs).describe('age after which a block goes to ClickHouse'),
  LATE_BLOCK_AGE_MAX_MS: ms
    .default(DEFAULT_SETTINGS.lateBlockAgeMaxMs)
    .describe('the same for a block with a late reading: until it is stored, a count may be an estimate'),
  BUFFER_EVENTS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(DEFAULT_SETTINGS.bufferEventsMax)
    .describe("bound of one space's reorder buffer; beyond it the oldest events are final early"),
  TICK_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(10)
    .default(1_000)
    .describe(
      'how often a tick is published to the log while something waits for time to pass, so that counts become final when nobody passes',
    ),
  READINGS_KEPT_HOURS: z.coerce
    .number()
    .min(0)
    .default(168)
    .describe(
      'how long readings stay in READINGS at least. They are removed only once they are routed and stored in ClickHouse, and earlier only if READINGS runs out of space',
    ),
  SHUTDOWN_WAIT_MS: ms
    .default(0)
    .describe(
      'how long to go on answering requests after SIGTERM, while /readyz answers 503, so that load balancers notice',
    ),
  AUTH_TOKENS: z
    .string()
    .min(1)
    .optional()
    .describe('the content of AUTH_TOKENS_FILE, for platforms that keep secrets in variables'),
  AUTH_TOKENS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('file of hashed bearer tokens, made by `density token`; read again when it changes'),
  AUTH_JWKS_URL: url.optional().describe('key set (https: or file:) that JWTs are verified against'),
  AUTH_ISSUER: z.string().min(1).optional().describe('issuer that JWTs must name; needed with AUTH_JWKS_URL'),
  AUTH_AUDIENCE: z.string().min(1).optional().describe('audience that JWTs must name; needed with AUTH_JWKS_URL'),
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(0)
    .default(6_000)
    .describe('requests that a token may make per minute, in each process; 0: no limit'),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .describe('origins whose pages may use the API, separated by commas; *: any'),
  STREAM_SUBSCRIBERS_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe('subscribers of live counts that this process accepts; others are told to retry'),
  STREAM_HEARTBEAT_MS: z.coerce
    .number()
    .int()
    .min(50)
    .default(15_000)
    .describe('how often a live stream sends a heartbeat'),
  DENSITY_TOKEN: z.string().min(1).optional().describe('token that the commands of `density` send to the service'),
  ROLE: z
    .enum(['all', 'api', 'shards'])
    .default('all')
    .describe(
      'api: answers requests and owns no shards; shards: owns shards, and serves HTTP for probes and metrics only; all: both',
    ),
  NODE_NAME: z
    .string()
    .max(100)
    .default('')
    .describe('name of this process in logs and in the list of members; empty: host name and process id'),
  LEASE_TTL_MS: z.coerce
    .number()
    .int()
    .min(500)
    .default(5_000)
    .describe('a process that is silent for longer loses its shards; the same in all processes'),
  STANDBY: z
    .enum(['0', '1'])
    .default('0')
    .describe(
      "1: keep warm copies of other processes' shards, which answer and take over at once if their owner dies; costs their memory and CPU a second time",
    ),
  TRACES_URL: url
    .optional()
    .describe(
      'URL of an OTLP collector that accepts traces over HTTP, such as http://collector:4318/v1/traces; empty: no tracing',
    ),
  TRACES_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('share of the traces beginning in this process that is kept'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('lowest level that is logged'),
} as const;

const schema = z.object(CONFIG);

export type Config = z.infer<typeof schema>;

/** A variable with a value that cannot be used. */
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

/** For a process started from here: what this one was given, with some of it changed. */
export function environmentWith(changes: Readonly<Partial<Record<keyof typeof CONFIG, string>>>): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}

/** All keys with default and meaning, as a Markdown table. */
export function configTable(): string {
  const rows = Object.entries(CONFIG).map(([key, type]) => {
    const { data } = type.safeParse(undefined);
    return `| \`${key}\` | ${data === undefined ? '' : `\`${data}\``} | ${type.description ?? ''} |`;
  });
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
