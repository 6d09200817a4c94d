// How much disk space a NATS server that is started here may use.
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const PART_OF_DISK = 0.75;

/** Three quarters of the free space plus what the folder already uses. */
export async function storeBytesFor(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor((bavail * bsize + (await sizeOf(folder))) * PART_OF_DISK);
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
