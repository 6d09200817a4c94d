// Writes an answer of any length to a file or to standard output, as it arrives. A file gets its name only when it is complete, so that a
// part is never mistaken for the whole. Until then it has a temporary name in the same folder.
import { createWriteStream } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

/** The connection ended before the answer did. */
class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer';
}

/**
 * @param file undefined for standard output
 * @throws Error if the answer breaks off, or if it cannot be written
 */
export async function received(answer: Response, file: string | undefined, signal: AbortSignal): Promise<void> {
  const chunks = chunksOf(answer.body as ReadableStream<Uint8Array>);
  try {
    if (file === undefined) await print(chunks, signal);
    else await save(chunks, file, signal);
  } catch (error) {
    const missing = file === undefined ? 'what was printed is not complete' : `${file} was not written`;
    if (signal.aborted) throw new Error(`interrupted: ${missing}`, { cause: error });
    if (error instanceof BrokenAnswer)
      throw new Error(`the connection broke before the export was complete: ${missing}`, { cause: error });
    throw new Error(`cannot write ${file ?? 'to standard output'}`, { cause: error });
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new BrokenAnswer('the answer is not complete', { cause: error });
  }
}

async function print(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  await pipeline(chunks, process.stdout, { signal, end: false });
  // The process exits next, and must not lose what is still to be written.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
}

async function save(chunks: AsyncIterable<Uint8Array>, file: string, signal: AbortSignal): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const existing = await stat(target).catch(() => undefined);
  // A named pipe or a device is written to, not replaced.
  if (existing && !existing.isFile()) return pipeline(chunks, createWriteStream(target), { signal });
  const part = join(dirname(target), `.${basename(target)}.${process.pid}.part`);
  try {
    // Opened first: a stream that breaks off at once may otherwise create the file after it was removed.
    const opened = await open(part, 'w');
    await pipeline(chunks, opened.createWriteStream({ flush: true }), { signal });
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
