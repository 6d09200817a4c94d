// The whole service on real engines, in its own folder and on free ports.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, type Config } from '../../src/config.ts';
import { serve, type Running } from '../../src/cli/serve.ts';

export interface LocalService extends Running {
  readonly config: Config;
  readonly api: string;
  get(path: string): Promise<Answer>;
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** POST. @returns the id of what was created. @throws unless the answer is 201 */
  create(path: string, body: object): Promise<number>;
  /** Stops, and removes the data. */
  dispose(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // A test asserts whatever it reads from the JSON.
  readonly body: unknown;
}

/**
 * Short times, so that tests wait for events and not for time. Tests kill processes, not the machine, so unsynced
 * writes survive.
 */
export const QUICK = {
  PORT: '0',
  NATS_PORT: '0',
  MQTT_PORT: '0',
  CLICKHOUSE_PORT: '0',
  LOG_LEVEL: 'silent',
  NATS_SYNC_INTERVAL: '2m',
  TICK_INTERVAL_MS: '50',
  OUT_OF_ORDERNESS_MS: '200',
  IDLE_TIMEOUT_MS: '500',
  BLOCK_AGE_MAX_MS: '100',
  LEASE_TTL_MS: '5000',
};

export async function startLocalService(
  overrides: Readonly<Record<string, string>> = {},
  now: () => number = Date.now,
): Promise<LocalService> {
  const dataDir = await mkdtemp(join(tmpdir(), 'density-'));
  const config = readConfig({
    ...QUICK,
    NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
    DENSITY_DATA_DIR: dataDir,
    ...overrides,
  });
  const running = await serve(config, {
    printLine: () => undefined,
    onFailure: () => undefined,
    logLevel: config.LOG_LEVEL,
    now,
  });
  const api = `${running.url}/api/v1`;
  return {
    ...running,
    config,
    api,
    get: (path) => request(`${api}${path}`, 'GET'),
    send: (method, path, body) => request(`${api}${path}`, method, body),
    create: async (path, body) => {
      const { status, body: created } = await request(`${api}${path}`, 'POST', body);
      if (status !== 201) throw new Error(`POST ${path} was answered ${status}: ${JSON.stringify(created)}`);
      return (created as { id: number }).id;
    },
    dispose: async () => {
      await running.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function request(url: string, method: string, body?: unknown, token?: string): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}
