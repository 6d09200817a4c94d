// The key for marks on readings (src/publishing/timestamp-bound.ts) if none is configured: generated once and stored
// with the data.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from './local-engine-error.ts';

const KEY_BYTES = 32;
const OWNER_ONLY = 0o600;

/** If two processes create the key at the same time, both use the one that was written first. */
export async function readingsKeyIn(folder: string): Promise<string> {
  const file = join(folder, 'readings.key');
  await mkdir(folder, { recursive: true });
  await writeFile(file, randomBytes(KEY_BYTES).toString('hex'), { flag: 'wx', mode: OWNER_ONLY }).catch(
    (error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    },
  );
  return (await readFile(file, 'utf8')).trim();
}
