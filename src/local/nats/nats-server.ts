// Runs a real nats-server on this machine, with JetStream in a folder and an MQTT gateway.
//
// Invariants:
// - It counts as started only after it has answered a PING with JetStream enabled.
// - By default, everything it has acknowledged is synced to disk.
// - The reported ports come from the server itself, which picks free ones for port 0, so no other program can take a port in between.

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { poll, startEngine } from '../engine-process.ts';
import { LocalEngineError, folderUnusable, portTaken } from '../local-engine-error.ts';

export interface NatsServerOptions {
  /** The nats-server program. */
  readonly binary: string;
  /** Folder for the streams (`jetstream/`), the configuration and the pid file; created if needed. */
  readonly dataDir: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** 0 picks a free one. */
  readonly mqttPort: number;
  readonly name: string;
  readonly logFile: string;
  /** Disk space for JetStream; by default the server takes three quarters of what is free when it starts. */
  readonly storeBytesMax?: number | undefined;
  /** When files are synced to disk: `always` (the default), before every acknowledgement, or at an interval such as `2m`. */
  readonly syncInterval?: string | undefined;
  /** Recovering large streams after a crash takes a while. */
  readonly startTimeoutMs?: number;
  /** Called if the server exits without having been stopped. */
  readonly onExit?: (error: LocalEngineError) => void;
}

export interface LocalNatsServer {
  readonly url: string;
  readonly port: number;
  readonly mqttPort: number;
  readonly pid: number;
  stop(): Promise<void>;
  /** Simulates a crash. For tests. */
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

// The server writes its own log file in addition to the inherited output, because only it can rotate an open file. JSON strings are
// valid in the configuration format.
function configuration(options: NatsServerOptions, dataDir: string, portsDir: string): string {
  const quoted = (text: string): string => JSON.stringify(text);
  const portOf = (port: number): number => (port === 0 ? -1 : port);
  return [
    '# Generated at every start; changes are lost.',
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

/** The address for clients of a server that listens on all interfaces. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

async function clientPort(portsDir: string, pid: number | undefined): Promise<number | undefined> {
  try {
    // The name starts with the file name of the program.
    const file = (await readdir(portsDir)).find((name) => name.endsWith(`_${pid}.ports`));
    if (file === undefined) return undefined;
    const ports: unknown = JSON.parse(await readFile(join(portsDir, file), 'utf8'));
    if (typeof ports !== 'object' || ports === null || !('nats' in ports) || !Array.isArray(ports.nats))
      return undefined;
    const port = Number(/:(\d+)$/.exec(String(ports.nats[0]))?.[1]);
    return Number.isNaN(port) ? undefined : port;
  } catch {
    // The file is not written yet, or incomplete.
    return undefined;
  }
}

// The ports file does not contain the MQTT port.
function loggedMqttPort(log: string): number | undefined {
  const port = /Listening for MQTT clients on \S+:(\d+)/.exec(log)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** True if the server answers PING and reports JetStream as enabled; undefined otherwise. */
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
  const message = (fatal ?? log.trim().split('\n').at(-1) ?? '').replace(/^.*\[FTL\]\s*/, '');
  const takenPort = /:(\d+): bind: address already in use/.exec(message)?.[1];
  if (takenPort !== undefined) {
    const port = Number(takenPort);
    return portTaken(options.host, port, port === options.mqttPort ? 'MQTT_PORT' : 'NATS_PORT');
  }
  const refusal = /permission denied|read-only file system|no space left on device|not a directory/i.exec(message)?.[0];
  if (refusal !== undefined && !message.includes('bind:')) return folderUnusable(dataDir, refusal);
  if (fatal === undefined) return undefined;
  return new LocalEngineError('failed', `nats-server cannot run: ${message} (its log is ${options.logFile}).`);
}
