// The CHECKPOINTS stream. A checkpoint consists of chunks followed by a message that describes them, all published in
// one atomic batch. The batch expects the last description to be unchanged, so only one of two concurrent saves
// succeeds.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gunzip } from 'node:zlib';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { headers, nuid } from 'nats';
import { CheckpointRefused } from '../../actors/partition/snapshot.ts';
import type { Partition } from '../domain/ids.ts';
import { NO_MARK } from '../../actors/partition/block.ts';
import type { CommitMark } from '../domain/log-mark.ts';
import type { Checkpoints, NewCheckpoint, StoredCheckpoint } from '../ports/checkpoints.ts';
import { CHECKPOINTS } from './streams.ts';

const CHUNK_BYTES = 512 * 1024;
const LOAD_ATTEMPTS = 5;
const COMMIT_TIMEOUT_MS = 10_000;
const NEWLINE = 10;
const unzip = promisify(gunzip);

interface Description {
  readonly id: string;
  readonly chunks: number;
  readonly storedBeforeSeq: number;
  /** Absent in checkpoints of earlier versions, as are `mark` and `commitSeqs`. */
  readonly epoch?: number;
  readonly mark?: CommitMark;
  readonly commitSeqs?: readonly number[];
}

export class NatsCheckpoints implements Checkpoints {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js;
    this.#jsm = jsm;
  }

  async load(partition: Partition): Promise<StoredCheckpoint | undefined> {
    let triedId: string | undefined;
    for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt++) {
      const found = await this.#describe(partition);
      if (!found) return undefined;
      const { revision, description } = found;
      if (!description) throw new CheckpointRefused(partition, 'its description cannot be read');
      const bytes = await this.#chunks(partition, description);
      if (bytes) return { revision, ...placeOf(description), snapshot: await linesOf(partition, bytes) };
      // A chunk belongs to another checkpoint, because another process saved one in the meantime: read again.
      if (triedId === description.id) throw new CheckpointRefused(partition, 'a part of it is missing');
      triedId = description.id;
    }
    throw new Error(`the checkpoint of partition ${partition} changes faster than it can be read`);
  }

  async last(partition: Partition): Promise<Omit<StoredCheckpoint, 'snapshot'>> {
    const found = await this.#describe(partition);
    return { revision: found?.revision ?? 0, ...placeOf(found?.description) };
  }

  async save(partition: Partition, checkpoint: NewCheckpoint, expectedRevision: number): Promise<number | undefined> {
    const bytes = await zipped(checkpoint.snapshot);
    const chunks = Math.ceil(bytes.length / CHUNK_BYTES);
    const { storedBeforeSeq, epoch, mark, commitSeqs } = checkpoint;
    const description: Description = { id: nuid.next(), chunks, storedBeforeSeq, epoch, mark, commitSeqs };
    const chunk = (index: number): Buffer => bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    const tag = (): ReturnType<typeof headers> => {
      const tagged = headers();
      tagged.set('checkpoint', description.id);
      return tagged;
    };
    try {
      const batch = await this.#js.startBatch(subject(partition, '0'), chunk(0), { headers: tag() });
      for (let index = 1; index < chunks; index++)
        batch.add(subject(partition, String(index)), chunk(index), { headers: tag() });
      const expectation = headers();
      expectation.set('Nats-Expected-Last-Subject-Sequence', String(expectedRevision));
      const ack = await batch.commit(subject(partition, 'last'), JSON.stringify(description), {
        headers: expectation,
        timeout: COMMIT_TIMEOUT_MS,
      });
      return ack.seq;
    } catch (error) {
      // The outcome is unknown: the stored description shows which save succeeded.
      const found = await this.#describe(partition).catch(() => {
        throw error;
      });
      if (found?.description?.id === description.id) return found.revision;
      if (found && found.revision !== expectedRevision) return undefined;
      throw error;
    }
  }

  /** The description of the latest checkpoint; undefined if it is unreadable. */
  async #describe(
    partition: Partition,
  ): Promise<{ revision: number; description: Description | undefined } | undefined> {
    const message = await this.#jsm.direct.getMessage(CHECKPOINTS, { last_by_subj: subject(partition, 'last') });
    return message ? { revision: message.seq, description: descriptionIn(message.data) } : undefined;
  }

  /**
   * @returns undefined if a chunk is missing or belongs to another checkpoint
   */
  async #chunks(partition: Partition, description: Description): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    for (let index = 0; index < description.chunks; index++) {
      const message = await this.#jsm.direct.getMessage(CHECKPOINTS, {
        last_by_subj: subject(partition, String(index)),
      });
      if (message?.header.get('checkpoint') !== description.id) return undefined;
      parts.push(message.data);
    }
    return Buffer.concat(parts);
  }
}

function placeOf(description: Description | undefined): Omit<StoredCheckpoint, 'revision' | 'snapshot'> {
  const { storedBeforeSeq = 0, epoch = 0, mark = NO_MARK, commitSeqs = [] } = description ?? {};
  return { storedBeforeSeq, epoch, mark, commitSeqs };
}

const subject = (partition: Partition, part: string): string => `checkpoints.${partition}.${part}`;

function descriptionIn(data: Uint8Array): Description | undefined {
  try {
    const found = JSON.parse(Buffer.from(data).toString('utf8')) as Partial<Description> | null;
    return typeof found?.id === 'string' &&
      typeof found.chunks === 'number' &&
      typeof found.storedBeforeSeq === 'number'
      ? (found as Description)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Compresses line by line, off the event loop, so that the whole text is never in memory. */
async function zipped(lines: NewCheckpoint['snapshot']): Promise<Buffer> {
  const ended = async function* (): AsyncGenerator<string> {
    for await (const line of lines) yield `${line}\n`;
  };
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  // At most one line waits. More would survive minor garbage collections and stay in memory until a major one.
  const [bytes] = await Promise.all([buffer(gzip), pipeline(Readable.from(ended(), { highWaterMark: 1 }), gzip)]);
  return bytes;
}

/** Decompresses a snapshot, and decodes its lines lazily. @throws CheckpointRefused if it is damaged */
async function linesOf(partition: Partition, bytes: Buffer): Promise<Iterable<string>> {
  // gzip ends with a checksum, so damage is detected here.
  const text = await unzip(bytes).catch((error: unknown) => {
    throw new CheckpointRefused(partition, `it is damaged (${String(error)})`, { cause: error });
  });
  return (function* (): Generator<string> {
    for (let at = 0; at < text.length;) {
      const end = text.indexOf(NEWLINE, at);
      yield text.toString('utf8', at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end + 1;
    }
  })();
}
