import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { SpanKind } from '@opentelemetry/api';
import type { NatsConnection } from 'nats';
import type { DpuId, Partition } from '../domain/ids.ts';
import { inSpan } from '../runtime/trace.ts';
import type { LogCursor, ReadingsLog } from '../ports.ts';
import { openCursor } from './log-cursor.ts';
import { traced } from './trace-headers.ts';
import { READINGS, readingSubject, tickSubject } from './streams.ts';

/** The READINGS stream. Its subject transform, not this code, puts a DPU into its partition. */
export class NatsReadingsLog implements ReadingsLog {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;

  constructor(nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager) {
    this.#nc = nc;
    this.#js = js;
    this.#jsm = jsm;
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return openCursor(this.#js, READINGS, [`readings.${partition}.>`], afterSeq);
  }

  async append(dpuId: DpuId, data: Uint8Array): Promise<void> {
    const options = { kind: SpanKind.PRODUCER, attributes: { 'density.dpu': dpuId } };
    await inSpan('publish readings', options, async () => this.#js.publish(readingSubject(dpuId), data, traced()));
  }

  async tick(partition: Partition): Promise<void> {
    // No acknowledgement: the next tick makes up for a lost one.
    this.#nc.publish(tickSubject(partition));
  }

  async purge(beforeSeq: number, beforeMs: number): Promise<void> {
    const kept = await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(beforeMs) });
    const seq = Math.min(beforeSeq, kept?.seq ?? beforeSeq);
    if (seq > 1) await this.#jsm.streams.purge(READINGS, { seq });
  }
}
