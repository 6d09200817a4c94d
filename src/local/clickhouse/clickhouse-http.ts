// Entry point of the local ClickHouse engine's process, which clickhouse-engine.ts starts.
//
// Invariants:
// - It does not outlive the process that started it, because otherwise it would keep the data folder in use
//   unnoticed.
// - On SIGTERM it stops in order: it accepts no new requests, answers those in progress, and closes chDB. It ignores
//   SIGINT, which the service handles.

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { ChdbEngine } from './chdb-engine.ts';
import { createFront } from './clickhouse-front.ts';
import type { EngineMessage } from './clickhouse-messages.ts';
import { messageOf, systemCode } from '../local-engine-error.ts';

const DRAIN_MS = 8_000;

const log = pino({ name: 'clickhouse-local' });
const { values } = parseArgs({
  options: { 'data-dir': { type: 'string' }, host: { type: 'string' }, port: { type: 'string' } },
});

let stopping = false;
let stop = async (): Promise<void> => undefined;

function end(reason: string): void {
  if (stopping) return;
  stopping = true;
  log.info({ reason }, 'stopping');
  stop().then(
    () => process.exit(0),
    (error: unknown) => {
      log.error({ err: error }, 'stopped with an error');
      process.exit(1);
    },
  );
}

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => end('SIGTERM'));
process.on('disconnect', () => end('the parent process has ended'));

/** Resolves once the message is sent, so that it is not lost if the process exits next. */
function sendToParent(message: EngineMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });
}

async function fail(why: 'port-taken' | 'chdb-missing' | 'other', error: unknown): Promise<never> {
  log.error({ err: error }, 'cannot start');
  await sendToParent({ type: 'failed', why, detail: messageOf(error) });
  process.exit(1);
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([closed, delay(DRAIN_MS, undefined, { ref: false })]);
}

async function main(): Promise<void> {
  const { 'data-dir': dataDir, host = '127.0.0.1', port = '0' } = values;
  if (dataDir === undefined) return fail('other', new Error('--data-dir is missing'));

  // A dynamic import, because chDB is a development dependency and its absence is reported separately.
  const chdb = await import('chdb').catch((error: unknown) => fail('chdb-missing', error));
  let engine: ChdbEngine;
  try {
    await mkdir(dataDir, { recursive: true });
    engine = new ChdbEngine(chdb, dataDir);
  } catch (error) {
    return fail('other', error);
  }
  const server = createFront(engine, log);
  stop = async () => {
    await drain(server);
    await engine.close();
  };
  if (stopping) return;
  try {
    const chosen = await listen(server, Number(port), host);
    log.info({ host, port: chosen, dataDir }, 'listening');
    await sendToParent({ type: 'listening', port: chosen });
  } catch (error) {
    await engine.close();
    return fail(systemCode(error) === 'EADDRINUSE' ? 'port-taken' : 'other', error);
  }
}

await main();
