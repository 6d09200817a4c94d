import { fileURLToPath } from 'node:url';
import pRetry from 'p-retry';
import { findNatsServer } from '../../src/local/nats/nats-binary.ts';

/** Finds or fetches nats-server once, before test files that run side by side would each try. */
export default async function setup(): Promise<void> {
  const cacheDir = fileURLToPath(new URL('../../.cache/nats-server', import.meta.url));
  // A mirror that is just being brought up to date has a list that does not fit its packages.
  const find = () => findNatsServer({ cacheDir, onProgress: (line) => process.stderr.write(`${line}\n`) });
  const { path } = await pRetry(find, { retries: 2, minTimeout: 15_000 });
  process.env['NATS_SERVER_BIN'] = path;
}
