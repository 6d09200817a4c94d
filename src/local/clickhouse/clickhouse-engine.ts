// Runs the real ClickHouse on this machine: chDB in its own process, behind ClickHouse's HTTP interface, so that the
// service has a single code path, `@clickhouse/client` with a URL.
//
// Differences from a server: no users, no sessions across requests, no replicated tables, results are held completely
// in memory, and a query whose client has disconnected runs to its end. None of these differences is silent:
// unsupported requests are refused. The time zone is UTC.
//
// Invariants: it counts as started only once it listens and the folder is open; its process ends with this one.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { THREADS } from './chdb-engine.ts';
import { ENGINE_MESSAGE } from './clickhouse-messages.ts';
import type { EngineMessage } from './clickhouse-messages.ts';
import { nextMessage, startEngine } from '../engine-process.ts';
import { LocalEngineError, folderUnusable, portTaken } from '../local-engine-error.ts';
import { PROJECT } from '../project.ts';

export interface ClickhouseOptions {
  /** Folder for the tables (`chdb/`) and the pid file; created if needed. */
  readonly dataDir: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly logFile: string;
  readonly startTimeoutMs?: number;
  /** Called once the process exists, long before it serves. */
  readonly onSpawned?: () => void;
  /** Called if the engine exits without having been stopped. */
  readonly onExit?: (error: LocalEngineError) => void;
}

export interface LocalClickhouse {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
  /** Simulates a crash. For tests. */
  kill9(): Promise<void>;
}

/** The engine of the build that runs, also when its sources have changed. Tests run the sources, and use the current build. */
const OF_BUILD = fileURLToPath(new URL('./clickhouse-http.js', import.meta.url));
const ENTRY = existsSync(OF_BUILD) ? OF_BUILD : fileURLToPath(new URL('bin/clickhouse-http.js', PROJECT));
const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 12_000;

/** Throws LocalEngineError. */
export async function startClickhouse(options: ClickhouseOptions): Promise<LocalClickhouse> {
  const dataDir = resolve(options.dataDir);
  const tables = join(dataDir, 'chdb');
  const engine = await startEngine({
    title: 'the ClickHouse engine',
    command: process.execPath,
    args: ['--enable-source-maps', ENTRY, '--data-dir', tables, '--host', options.host, '--port', String(options.port)],
    // Passed on, not read. chDB and libuv take the time zone and the number of threads only from these variables.
    env: { ...process.env, TZ: 'UTC', UV_THREADPOOL_SIZE: String(THREADS) },
    hasIpc: true,
    dataDir,
    pidFileName: 'clickhouse.pid',
    commandMark: tables,
    logFile: resolve(options.logFile),
    startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
    stopGraceMs: STOP_GRACE_MS,
    onSpawned: options.onSpawned,
    onExit: options.onExit,
    prepare: async () => undefined,
    untilReady: async (child, _log, signal) => {
      const message = ENGINE_MESSAGE.parse(await nextMessage(child, signal));
      if (message.type === 'failed') throw explain(message, options, tables);
      return message.port;
    },
    explain: () => undefined,
  });
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const reachable = options.host === '0.0.0.0' ? '127.0.0.1' : host;
  return {
    url: `http://${reachable}:${engine.ready}`,
    port: engine.ready,
    pid: engine.pid,
    stop: engine.stop,
    kill9: engine.kill9,
  };
}

function explain(
  failure: Extract<EngineMessage, { type: 'failed' }>,
  options: ClickhouseOptions,
  tables: string,
): LocalEngineError {
  switch (failure.why) {
    case 'port-taken':
      return portTaken(options.host, options.port, 'CLICKHOUSE_PORT');
    case 'chdb-missing':
      return new LocalEngineError(
        'not-installed',
        `The ClickHouse engine chdb cannot be loaded (${firstLine(failure.detail)}): it is a development dependency, so run npm ci, or set CLICKHOUSE_URL to a ClickHouse server.`,
      );
    case 'other': {
      const refusal = /EACCES|EPERM|EROFS|ENOSPC|ENOTDIR|permission denied|read-only file system|no space left/i.exec(
        failure.detail,
      )?.[0];
      if (refusal !== undefined) return folderUnusable(tables, refusal);
      return new LocalEngineError(
        'failed',
        `The ClickHouse engine cannot start: ${firstLine(failure.detail)} (its log is ${options.logFile}).`,
      );
    }
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
