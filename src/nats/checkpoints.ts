// The CHECKPOINTS stream. A checkpoint is a run of chunks and, last, a message that describes them, in
// one atomic batch which expects that nobody else saved meanwhile.
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { headers, nuid } from 'nats';
import type { Partition } from '../domain/ids.ts';
import type { Checkpoints, StoredCheckpoint } from '../ports.ts';
import { CHECKPOINTS } from './streams.ts';

const CHUNK_BYTES = 512 * 1024;
const LOAD_ATTEMPTS = 5;
const COMMIT_TIMEOUT_MS = 10_000;
const [zip, unzip] = [promisify(gzip), promisify(gunzip)];

interface Description {
  readonly id: string;
  readonly chunks: number;
  readonly storedBeforeSeq: number;
}

export class NatsCheckpoints implements Checkpoints {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js;
    this.#jsm = jsm;
  }

  async load(partition: Partition): Promise<StoredCheckpoint | undefined> {
    for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt++) {
      const found = await this.#describe(partition);
      if (!found) return undefined;
      const bytes = await this.#chunks(partition, found.description);
      // A chunk of another checkpoint: somebody saved while this read. Read again.
      if (!bytes) continue;
      const snapshot = (await unzip(bytes)).toString('utf8');
      return { revision: found.revision, storedBeforeSeq: found.description.storedBeforeSeq, snapshot };
    }
    throw new Error(`checkpoint of partition ${partition} changes faster than it can be read`);
  }

  async storedBeforeSeq(partition: Partition): Promise<number> {
    return (await this.#describe(partition))?.description.storedBeforeSeq ?? 0;
  }

  async save(partition: Partition, checkpoint: Omit<StoredCheckpoint, 'revision'>, expectedRevision: number): Promise<number | undefined> {
    const bytes = await zip(checkpoint.snapshot);
    const chunks = Math.ceil(bytes.length / CHUNK_BYTES);
    const description: Description = { id: nuid.next(), chunks, storedBeforeSeq: checkpoint.storedBeforeSeq };
    const chunk = (index: number): Buffer => bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    const tag = (): ReturnType<typeof headers> => {
      const tagged = headers();
      tagged.set('checkpoint', description.id);
      return tagged;
    };
    try {
      const batch = await this.#js.startBatch(subject(partition, '0'), chunk(0), { headers: tag() });
      for (let index = 1; index < chunks; index++) batch.add(subject(partition, String(index)), chunk(index), { headers: tag() });
      const expectation = headers();
      expectation.set('Nats-Expected-Last-Subject-Sequence', String(expectedRevision));
      const ack = await batch.commit(subject(partition, 'last'), JSON.stringify(description), { headers: expectation, timeout: COMMIT_TIMEOUT_MS });
      return ack.seq;
    } catch (error) {
      const found = await this.#describe(partition).catch(() => { throw error; });
      if (found?.description.id === description.id) return found.revision;
      if (found && found.revision !== expectedRevision) return undefined;
      throw error;
    }
  }

  async #describe(partition: Partition): Promise<{ revision: number; description: Description } | undefined> {
    const message = await this.#jsm.direct.getMessage(CHECKPOINTS, { last_by_subj: subject(partition, 'last') });
    return message ? { revision: message.seq, description: message.json<Description>() } : undefined;
  }

  async #chunks(partition: Partition, description: Description): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    for (let index = 0; index < description.chunks; index++) {
      const message = await this.#jsm.direct.getMessage(CHECKPOINTS, { last_by_subj: subject(partition, String(index)) });
      if (message?.header.get('checkpoint') !== description.id) return undefined;
      parts.push(message.data);
    }
    return Buffer.concat(parts);
  }
}

const subject = (partition: Partition, part: string): string => `checkpoints.${partition}.${part}`;
