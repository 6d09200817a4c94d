import { fileURLToPath } from 'node:url';
import pRetry from 'p-retry';
import { findNatsServer } from '../../src/local/nats/nats-binary.ts';

/** Finds or downloads nats-server once, before the parallel test files would each try. */
export default async function setup(): Promise<void> {
  const cacheDir = fileURLToPath(new URL('../../.cache/nats-server', import.meta.url));
  // While a mirror is being updated, its package list may not match its packages.
  const find = () => findNatsServer({ cacheDir, onProgress: (line) => process.stderr.write(`${line}\n`) });
  const { path } = await pRetry(find, { retries: 2, minTimeout: 15_000 });
  process.env['NATS_SERVER_BIN'] = path;
}
