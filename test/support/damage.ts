// Damages the files of a stopped nats-server, as power failures, bad disks and restored backups do.
import { cp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';

const streamsOf = (natsFolder: string): string => join(natsFolder, 'jetstream', '$G', 'streams');

async function newestBlock(natsFolder: string, stream: string): Promise<string | undefined> {
  return newestBlockIn(join(streamsOf(natsFolder), stream, 'msgs'));
}

/** Undefined if nothing was ever stored. */
async function newestBlockIn(folder: string): Promise<string | undefined> {
  const blocks = (await readdir(folder))
    .filter((name) => name.endsWith('.blk'))
    .sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
  // The index of the stream would be newer than its blocks.
  await rm(join(folder, 'index.db'), { force: true });
  const newest = blocks.at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}

/** Keeps only the first part of a stream's newest file. */
export async function cutTail(natsFolder: string, stream: string, keptPart: number): Promise<void> {
  await cutFile(await newestBlock(natsFolder, stream), keptPart);
}

async function cutFile(file: string | undefined, keptPart: number): Promise<void> {
  if (file !== undefined) await truncate(file, Math.floor((await stat(file)).size * keptPart));
}

/** Keeps only the first part of the newest file of every stream, and of every Raft log of a cluster. */
export async function cutEveryTail(natsFolder: string, keptPart: number): Promise<void> {
  const folders = (await readdir(natsFolder, { recursive: true })).filter((path) => basename(path) === 'msgs');
  for (const folder of folders) await cutFile(await newestBlockIn(join(natsFolder, folder)), keptPart);
}

/** Inverts one bit in a stream's newest file. @param part where in the file, from 0 to 1 */
export async function flipBit(natsFolder: string, stream: string, part: number): Promise<void> {
  const file = await newestBlock(natsFolder, stream);
  if (file === undefined) return;
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    if (size === 0) return;
    const at = Math.min(size - 1, Math.floor(size * part));
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 0x10;
    await handle.write(byte, 0, 1, at);
  } finally {
    await handle.close();
  }
}

/** Replaces everything by an older copy. */
export async function restoreCopy(natsFolder: string, copy: string): Promise<void> {
  await rm(natsFolder, { recursive: true, force: true });
  await cp(copy, natsFolder, { recursive: true });
}
