// Runs a real nats-server for one machine: JetStream in a folder, MQTT beside it.
//
// Invariants:
// - It is reported as started only after it answered a PING with JetStream on.
// - Unless it is told otherwise, what it has acknowledged is on the disk.
// - The ports reported are the ones it listens on, told by the server itself: asked for port 0 it picks
//   them, so there is no moment between choosing a free port and taking it.

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { poll, startEngine } from '../engine-process.ts';
import { LocalEngineError, folderUnusable, portTaken } from '../local-engine-error.ts';

export interface NatsServerOptions {
  /** The nats-server program. */
  readonly binary: string;
  /** Holds the streams (`jetstream/`), the configuration and the pid file; created when needed. */
  readonly dataDir: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** 0 picks a free one. */
  readonly mqttPort: number;
  readonly name: string;
  readonly logFile: string;
  /** What JetStream may take of the disk; left out, the server decides: three quarters of what is free when it starts. */
  readonly storeBytesMax?: number | undefined;
  /** When files are synced to the disk: `always`, which is before each acknowledgement, or at an interval such as `2m`. By default always. */
  readonly syncInterval?: string | undefined;
  /** Recovering large streams after a crash takes its time. */
  readonly startTimeoutMs?: number;
  /** The server ended and nobody asked it to. */
  readonly onExit?: (error: LocalEngineError) => void;
}

export interface LocalNatsServer {
  readonly url: string;
  readonly port: number;
  readonly mqttPort: number;
  readonly pid: number;
  stop(): Promise<void>;
  /** As a crash would. For tests. */
  kill9(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const POLL_MS = 10;
const ANSWER_TIMEOUT_MS = 2_000;

/** Throws LocalEngineError. */
export async function startNatsServer(options: NatsServerOptions): Promise<LocalNatsServer> {
  const dataDir = resolve(options.dataDir);
  const configFile = join(dataDir, 'nats-server.conf');
  const portsDir = join(dataDir, 'ports');
  const logFile = resolve(options.logFile);
  const engine = await startEngine({
    title: 'nats-server',
    command: options.binary,
    args: ['-c', configFile],
    hasIpc: false,
    dataDir,
    pidFileName: 'nats-server.pid',
    commandMark: configFile,
    logFile,
    startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
    stopGraceMs: STOP_GRACE_MS,
    onExit: options.onExit,
    prepare: async () => {
      await rm(portsDir, { recursive: true, force: true });
      await mkdir(portsDir, { recursive: true });
      await writeFile(configFile, configuration(options, dataDir, portsDir));
    },
    untilReady: async (child, log, signal) => {
      const port = await poll(() => clientPort(portsDir, child.pid), POLL_MS, signal);
      const mqttPort = await poll(async () => loggedMqttPort(await log()), POLL_MS, signal);
      await poll(() => answers(reachable(options.host), port), POLL_MS, signal);
      return { port, mqttPort };
    },
    explain: (log) => explain(log, options, dataDir),
  });
  const { port, mqttPort } = engine.ready;
  return {
    url: `nats://${reachable(options.host)}:${port}`,
    port,
    mqttPort,
    pid: engine.pid,
    stop: engine.stop,
    kill9: engine.kill9,
  };
}

// The server keeps a log of its own beside the inherited output, because only it can rotate what it
// has open. Strings are JSON: the format reads them alike.
function configuration(options: NatsServerOptions, dataDir: string, portsDir: string): string {
  const quoted = (text: string): string => JSON.stringify(text);
  const portOf = (port: number): number => (port === 0 ? -1 : port);
  return [
    '# Written at every start; changes are lost.',
    `server_name: ${quoted(options.name)}`,
    `host: ${quoted(options.host)}`,
    `port: ${portOf(options.port)}`,
    `ports_file_dir: ${quoted(portsDir)}`,
    `log_file: ${quoted(resolve(options.logFile))}`,
    'logfile_size_limit: 10MB',
    'logfile_max_num: 3',
    'jetstream {',
    `  store_dir: ${quoted(dataDir)}`,
    ...(options.storeBytesMax === undefined ? [] : [`  max_file_store: ${options.storeBytesMax}`]),
    `  sync_interval: ${quoted(options.syncInterval ?? 'always')}`,
    '}',
    `mqtt { host: ${quoted(options.host)}, port: ${portOf(options.mqttPort)} }`,
    '',
  ].join('\n');
}

/** 0.0.0.0 and :: are where a server listens, not where a client goes. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

async function clientPort(portsDir: string, pid: number | undefined): Promise<number | undefined> {
  try {
    // Named after the program's file, whatever that is called.
    const file = (await readdir(portsDir)).find((name) => name.endsWith(`_${pid}.ports`));
    if (file === undefined) return undefined;
    const ports: unknown = JSON.parse(await readFile(join(portsDir, file), 'utf8'));
    if (typeof ports !== 'object' || ports === null || !('nats' in ports) || !Array.isArray(ports.nats))
      return undefined;
    const port = Number(/:(\d+)$/.exec(String(ports.nats[0]))?.[1]);
    return Number.isNaN(port) ? undefined : port;
  } catch {
    // Not there yet, or not written to its end.
    return undefined;
  }
}

// The ports file leaves MQTT out.
function loggedMqttPort(log: string): number | undefined {
  const port = /Listening for MQTT clients on \S+:(\d+)/.exec(log)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** True once the server answers PING and says that JetStream is on; undefined otherwise. */
function answers(host: string, port: number): Promise<true | undefined> {
  return new Promise((settle) => {
    const socket = createConnection({ host: host.replace(/^\[|\]$/g, ''), port });
    let received = '';
    const finish = (answer: true | undefined): void => {
      socket.destroy();
      settle(answer);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(undefined));
    socket.on('error', () => finish(undefined));
    socket.on('close', () => finish(undefined));
    socket.on('connect', () => socket.write('CONNECT {"verbose":false}\r\nPING\r\n'));
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (received.includes('PONG\r\n')) finish(/"jetstream":\s*true/.test(received) ? true : undefined);
    });
  });
}

function explain(log: string, options: NatsServerOptions, dataDir: string): LocalEngineError | undefined {
  const fatal = log.split('\n').findLast((line) => line.includes('[FTL]'));
  const said = (fatal ?? log.trim().split('\n').at(-1) ?? '').replace(/^.*\[FTL\]\s*/, '');
  const takenPort = /:(\d+): bind: address already in use/.exec(said)?.[1];
  if (takenPort !== undefined) {
    const port = Number(takenPort);
    return portTaken(options.host, port, port === options.mqttPort ? 'MQTT_PORT' : 'NATS_PORT');
  }
  const refusal = /permission denied|read-only file system|no space left on device|not a directory/i.exec(said)?.[0];
  if (refusal !== undefined && !said.includes('bind:')) return folderUnusable(dataDir, refusal);
  if (fatal === undefined) return undefined;
  return new LocalEngineError('failed', `nats-server cannot run: ${said} (its log is ${options.logFile}).`);
}
