// The process of the local ClickHouse engine: entry point, started by clickhouse-engine.ts.
//
// Invariants:
// - It does not outlive the process that started it, however that one ended: a data folder belongs to
//   one process, and nobody would know of this one.
// - It ends in order on SIGTERM: no new requests, those that run get their answers, then chDB closes.
//   SIGINT is the service's to handle, and does nothing here.

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
process.on('disconnect', () => end('the process that started this one is gone'));

/** Resolves when the message is handed over, so that an exit after it does not swallow it. */
function tell(message: EngineMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });
}

async function fail(why: 'port-taken' | 'chdb-missing' | 'other', error: unknown): Promise<never> {
  log.error({ err: error }, 'cannot start');
  await tell({ type: 'failed', why, detail: messageOf(error) });
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

  // Not a static import: it is a development dependency, and its absence has a sentence of its own.
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
    await tell({ type: 'listening', port: chosen });
  } catch (error) {
    await engine.close();
    return fail(systemCode(error) === 'EADDRINUSE' ? 'port-taken' : 'other', error);
  }
}

await main();
