import type { JetStreamClient } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { DpuId, Partition } from '../domain/ids.ts';
import type { LogCursor, ReadingsLog } from '../ports.ts';
import { openCursor } from './log-cursor.ts';
import { READINGS, readingSubject, tickSubject } from './streams.ts';

/** The READINGS stream. Its subject transform, not this code, puts a DPU into its partition. */
export class NatsReadingsLog implements ReadingsLog {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;

  constructor(nc: NatsConnection, js: JetStreamClient) {
    this.#nc = nc;
    this.#js = js;
  }

  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    return openCursor(this.#js, READINGS, [`readings.${partition}.>`], afterSeq);
  }

  async append(dpuId: DpuId, data: Uint8Array): Promise<void> {
    await this.#js.publish(readingSubject(dpuId), data);
  }

  async tick(partition: Partition): Promise<void> {
    // No acknowledgement: the next tick makes up for a lost one.
    this.#nc.publish(tickSubject(partition));
  }
}
