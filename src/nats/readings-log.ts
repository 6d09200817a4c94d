import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { SpanKind } from '@opentelemetry/api';
import type { NatsConnection } from 'nats';
import type { DpuId, Partition } from '../domain/ids.ts';
import { inSpan } from '../runtime/trace.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogBounds, LogCursor, ReadingsLog } from '../ports.ts';
import { readingsMode } from './read-mode.ts';
import { boundsOf, messageAt } from './stored-messages.ts';
import { StreamReader } from './stream-reader.ts';
import { traced } from './trace-headers.ts';
import { partitionOfReading, READINGS, readingsOf, readingSubject, tickSubject } from './streams.ts';

/** The READINGS stream. Its subject transform, not this code, puts a DPU into its partition. */
export class NatsReadingsLog implements ReadingsLog {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #reader: StreamReader;

  /**
   * @param partitions of the stream; without it every partition is read by a consumer of its own
   * @param lostTimes how often the connection was lost
   */
  constructor(nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager, partitions = Infinity, lostTimes = (): number => 0) {
    this.#nc = nc;
    this.#js = js;
    this.#jsm = jsm;
    this.#reader = new StreamReader(js, {
      stream: READINGS, partitionOf: partitionOfReading, catchUpSubjects: (partition) => [readingsOf(partition)], partitions, lostTimes,
      modeFor: (open, now) => readingsMode(open, partitions, now),
    });
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return this.#reader.open(partition, afterSeq);
  }

  async append(dpuId: DpuId, data: Uint8Array): Promise<void> {
    const options = { kind: SpanKind.PRODUCER, attributes: { 'density.dpu': dpuId } };
    await inSpan('publish readings', options, async () => this.#js.publish(readingSubject(dpuId), data, traced()));
  }

  async tick(partition: Partition): Promise<void> {
    // No acknowledgement: the next tick makes up for a lost one.
    this.#nc.publish(tickSubject(partition));
  }

  async bounds(): Promise<LogBounds> {
    return boundsOf(this.#jsm, READINGS);
  }

  async at(seq: number): Promise<StoredEntry | undefined> {
    const message = await messageAt(this.#jsm, READINGS, seq);
    return message && { seq: message.seq, timeMs: message.time.getTime(), subject: message.subject, data: message.data };
  }

  async lastBefore(ms: number): Promise<number> {
    const { lastSeq } = await this.bounds();
    if (lastSeq === 0) return 0;
    const next = await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(ms) });
    return next ? next.seq - 1 : lastSeq;
  }

  async purge(beforeSeq: number, beforeMs: number): Promise<void> {
    const kept = await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(beforeMs) });
    const seq = Math.min(beforeSeq, kept?.seq ?? beforeSeq);
    if (seq > 1) await this.#jsm.streams.purge(READINGS, { seq });
  }
}
