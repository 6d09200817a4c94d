import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { SpanKind } from '@opentelemetry/api';
import type { NatsConnection } from 'nats';
import type { DpuId, Partition } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { inSpan } from '../runtime/trace.ts';
import type { LogCursor, ReadingsLog } from '../ports.ts';
import { readingsMode } from './read-mode.ts';
import { StreamReader, type Silence } from './stream-reader.ts';
import { traced } from './trace-headers.ts';
import { partitionOfReading, READINGS, readingsOf, readingSubject, tickSubject } from './streams.ts';

/** The READINGS stream. Its subject transform, not this code, puts a DPU into its partition. */
export class NatsReadingsLog implements ReadingsLog {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #reader: StreamReader;

  /** @param partitions of the stream; without it every partition is read by a consumer of its own */
  constructor(nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager, partitions = Infinity) {
    this.#nc = nc;
    this.#js = js;
    this.#jsm = jsm;
    this.#reader = new StreamReader(js, {
      stream: READINGS, partitionOf: partitionOfReading, catchUpSubjects: (partition) => [readingsOf(partition)], partitions,
      modeFor: (open, now) => readingsMode(open, partitions, now),
    });
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return this.#reader.open(partition, afterSeq);
  }

  /** Of the consumers that read it in this process. */
  get silence(): Silence {
    return this.#reader.silence;
  }

  async append(dpuId: DpuId, data: Uint8Array): Promise<void> {
    const options = { kind: SpanKind.PRODUCER, attributes: { 'density.dpu': dpuId } };
    await inSpan('publish readings', options, async () => this.#js.publish(readingSubject(dpuId), data, traced()));
  }

  async tick(partition: Partition): Promise<void> {
    // No acknowledgement: the next tick makes up for a lost one.
    this.#nc.publish(tickSubject(partition));
  }

  async newestMs(partition: Partition): Promise<number> {
    // Not by a direct get: a replica that is behind would not know of what was acknowledged.
    const message = await this.#jsm.streams.getMessage(READINGS, { last_by_subj: readingsOf(partition) });
    return message ? Math.floor(message.time.getTime()) : BEGINNING_MS;
  }

  async purge(beforeSeq: number, beforeMs: number): Promise<void> {
    const kept = await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(beforeMs) });
    const seq = Math.min(beforeSeq, kept?.seq ?? beforeSeq);
    if (seq > 1) await this.#jsm.streams.purge(READINGS, { seq });
  }
}
