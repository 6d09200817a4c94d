// All configuration, read once from the environment. This schema is also the README's table
// (`npm run docs:config`), so that a key cannot exist without a sentence about it.
import { z } from 'zod';
import { parseInstant } from './domain/instant.ts';
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
    .describe('NATS server to use, such as nats://host:4222, or several with commas; none starts one on this machine'),
  NATS_CREDENTIALS_FILE: path.describe('file with the credentials for that server (docs/operations.md)'),
  NATS_CA_FILE: path.describe(
    'certificates of the authorities that may vouch for that server; given, the connection must be encrypted',
  ),
  NATS_CERT_FILE: path.describe('own certificate, where that server asks for one'),
  NATS_KEY_FILE: path.describe('key of that certificate'),
  CLICKHOUSE_URL: url
    .optional()
    .describe(
      'ClickHouse to use, such as http://user:password@host:8123/database; none starts the engine on this machine',
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
      'name of a ClickHouse cluster: tables are created on all its replicas, as replicated ones; none is one server',
    ),
  CLICKHOUSE_COLD_VOLUME: z
    .string()
    .regex(/^\w+$/, 'must be a name')
    .optional()
    .describe(
      "volume of the tables' storage policy to which old rows are moved, by `density migrate`; none leaves them where they are. No row is ever removed",
    ),
  HISTORY_HOT_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .default(365)
    .describe('age, in days, at which rows go to CLICKHOUSE_COLD_VOLUME'),
  CLICKHOUSE_PORT: port.default(8123).describe('port of the ClickHouse engine started here; 0 takes any free one'),
  DENSITY_DATA_DIR: z.string().min(1).default('.density').describe('folder for the data of what is started here'),
  NATS_SERVER_BIN: z.string().optional().describe('nats-server program to start; none looks on PATH, then fetches one'),
  NATS_STORE_MAX: bytes
    .refine((size) => size >= 256 * MB, 'must be at least 256MB')
    .optional()
    .describe(
      'what JetStream may take of the disk, as max_file_store of the NATS server says: the streams share it, and readings have 60 % of it. None: three quarters of what is free, for a server started here; else what its account is limited to, or no bound',
    ),
  DEAD_LETTERS_BYTES_MAX: bytes
    .refine((size) => size >= 4 * MB, 'must be at least 4MB')
    .default(256 * MB)
    .describe(
      'room for dead letters, at most 5 % of NATS_STORE_MAX; beyond it the oldest are removed, and stay counted',
    ),
  DEAD_LETTERS_KEPT_DAYS: z.coerce
    .number()
    .min(0)
    .default(90)
    .describe('how long dead letters are kept at most; removed, they stay counted'),
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
      'secret that marks readings accepted over HTTP, so that no router refuses them for their timestamp; the same in all processes. None: one that is kept in DENSITY_DATA_DIR where NATS is started here, else no mark',
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
    .describe(
      'the same for a block with a late reading in it, which may make a count an estimate until the block is stored',
    ),
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
      'how often time is marked in the log where something waits for it, so that counts become final when nobody passes',
    ),
  READINGS_KEPT_HOURS: z.coerce
    .number()
    .min(0)
    .default(168)
    .describe(
      'how long readings stay in READINGS at least; they go only once they are routed, and stored in ClickHouse; earlier than that only where their room is needed',
    ),
  SHUTDOWN_WAIT_MS: ms
    .default(0)
    .describe('how long to answer requests after SIGTERM, while /readyz says 503, so that load balancers notice'),
  AUTH_TOKENS: z
    .string()
    .min(1)
    .optional()
    .describe('what AUTH_TOKENS_FILE would hold, for platforms that keep secrets in variables'),
  AUTH_TOKENS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('file of hashed bearer tokens, made by `density token`; it is read again when it changes'),
  AUTH_JWKS_URL: url.optional().describe('key set (https: or file:) that JWTs are verified against'),
  AUTH_ISSUER: z.string().min(1).optional().describe('issuer that JWTs must name; needed with AUTH_JWKS_URL'),
  AUTH_AUDIENCE: z.string().min(1).optional().describe('audience that JWTs must name; needed with AUTH_JWKS_URL'),
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(0)
    .default(6_000)
    .describe('requests a token may make in a minute, by each process; 0 is no limit'),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .describe('origins whose pages may ask the API, separated by commas; * is any'),
  STREAM_SUBSCRIBERS_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe('subscribers of live counts this process takes; more are told to come back'),
  STREAM_HEARTBEAT_MS: z.coerce
    .number()
    .int()
    .min(50)
    .default(15_000)
    .describe('how often a live stream sends a sign of life'),
  DENSITY_TOKEN: z.string().min(1).optional().describe('token that the commands of `density` send to the service'),
  ROLE: z
    .enum(['all', 'api', 'shards'])
    .default('all')
    .describe(
      'api: answers requests and owns no shards; shards: owns shards, and its HTTP is for probes and metrics; all: both',
    ),
  NODE_NAME: z
    .string()
    .max(100)
    .default('')
    .describe('what this process is called in logs and in the list of members; none takes host name and process id'),
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
      "1: keep warm copies of other processes' shards, which answer and take over at once when their owner dies; costs their memory and CPU a second time",
    ),
  TRACES_URL: url
    .optional()
    .describe(
      'where an OTLP collector takes traces over HTTP, such as http://collector:4318/v1/traces; none: no tracing',
    ),
  TRACES_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('share of the traces beginning here that is kept'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least level that is logged'),
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
