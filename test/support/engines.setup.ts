import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pRetry from 'p-retry';
import { findNatsServer } from '../../src/local/nats/nats-binary.ts';

/** Compiles the program, and finds or downloads nats-server, once, before the parallel test files would each try. */
export default async function setup(): Promise<void> {
  await promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../bin/prepare.js', import.meta.url))]);
  const cacheDir = fileURLToPath(new URL('../../.cache/nats-server', import.meta.url));
  // While a mirror is being updated, its package list may not match its packages.
  const find = () => findNatsServer({ cacheDir, onProgress: (line) => process.stderr.write(`${line}\n`) });
  const { path } = await pRetry(find, { retries: 2, minTimeout: 15_000 });
  process.env['NATS_SERVER_BIN'] = path;
}
