import { fileURLToPath } from 'node:url';
import { findNatsServer } from '../../src/local/nats-binary.ts';

/** Finds or fetches nats-server once, before test files that run side by side would each try. */
export default async function setup(): Promise<void> {
  const cacheDir = fileURLToPath(new URL('../../.cache/nats-server', import.meta.url));
  const { path } = await findNatsServer({ cacheDir, onProgress: (line) => process.stderr.write(`${line}\n`) });
  process.env['NATS_SERVER_BIN'] = path;
}
