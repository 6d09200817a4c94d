// Damages the files of a stopped nats-server, as power failures, bad disks and restored backups do.
import { cp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { recordsIn } from './message-block.ts';

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

/** Inverts one bit anywhere in a stream's newest file. @param part where in the file, from 0 to 1 */
export async function flipBit(natsFolder: string, stream: string, part: number): Promise<void> {
  await flipBitAt(natsFolder, stream, (block) => Math.min(block.length - 1, Math.floor(block.length * part)));
}

/**
 * Inverts one bit in the payload of a message. The checksum of its record tells: nats-server cuts the file off at that
 * record. @param part which of the messages in the stream's newest file, from 0 to 1
 */
export async function flipPayloadBit(natsFolder: string, stream: string, part: number): Promise<void> {
  await flipBitAt(natsFolder, stream, (block) => {
    const messages = recordsIn(block).filter(({ isTombstone }) => !isTombstone);
    const [start, end] = messages[Math.floor(messages.length * part)]?.payload ?? [0, 0];
    if (end <= start) throw new Error(`no payload in ${stream}`);
    return Math.floor((start + end) / 2);
  });
}

/**
 * Inverts one bit in the length of a message's headers, which no checksum covers.
 * @param of a message that was removed, or the oldest or newest that was not
 * @param byte of the length: 0 moves the start of the payload, another reaches beyond the record
 */
export async function flipHeadersLengthBit(
  natsFolder: string,
  stream: string,
  of: 'removed' | 'oldest' | 'newest',
  byte: number,
): Promise<void> {
  await flipBitAt(natsFolder, stream, (block) => {
    const records = recordsIn(block);
    const removed = new Set(records.filter(({ isTombstone }) => isTombstone).map(({ seq }) => seq));
    const candidates = records.filter(
      ({ seq, isTombstone, headersLengthAt }) =>
        !isTombstone && headersLengthAt !== undefined && removed.has(seq) === (of === 'removed'),
    );
    const chosen = candidates.at(of === 'oldest' ? 0 : -1);
    if (chosen?.headersLengthAt === undefined) throw new Error(`no such message in ${stream}`);
    return chosen.headersLengthAt + byte;
  });
}

async function flipBitAt(natsFolder: string, stream: string, place: (block: Buffer) => number): Promise<void> {
  const file = await newestBlock(natsFolder, stream);
  if (file === undefined) return;
  const block = await readFile(file);
  if (block.length === 0) return;
  const at = place(block);
  block[at] = (block[at] ?? 0) ^ 0x10;
  await writeFile(file, block);
}

/** What an operator does where nats-server does not start on a stream's newest file (docs/operations.md). */
export async function moveBlockAway(natsFolder: string, stream: string): Promise<void> {
  const file = await newestBlock(natsFolder, stream);
  if (file !== undefined) await rename(file, join(natsFolder, `${stream}-${basename(file)}`));
}

/** Replaces everything by an older copy. */
export async function restoreCopy(natsFolder: string, copy: string): Promise<void> {
  await rm(natsFolder, { recursive: true, force: true });
  await cp(copy, natsFolder, { recursive: true });
}
