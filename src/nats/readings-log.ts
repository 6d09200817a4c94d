import { type JetStreamClient, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { SpanKind } from '@opentelemetry/api';
import { headers, type NatsConnection } from 'nats';
import { Failure } from '../domain/failure.ts';
import { END_MS } from '../domain/instant.ts';
import type { DpuId, Partition } from '../domain/ids.ts';
import { inSpan } from '../runtime/trace.ts';
import type { LogCursor, Occupied, ReadingsLog } from '../ports.ts';
import { readingsMode } from './read-mode.ts';
import { StreamReader } from './stream-reader.ts';
import { traced } from './trace-headers.ts';
import { ACCEPTED_UP_TO, closedAt, openedTo, partitionOfReading, READINGS, readingsBytesOf, readingsOf, readingSubject, takesReadings, tickSubject } from './streams.ts';

function marked(options: ReturnType<typeof traced>, mark: string | undefined): ReturnType<typeof traced> {
  if (mark === undefined) return options;
  const carrier = options.headers ?? headers();
  carrier.set(ACCEPTED_UP_TO, mark);
  return { headers: carrier };
}

/** The stream's bound is reached (10077), or the server's (10023, 10047), or the stream takes only marks of time (10054). */
const FULL = new Set([10077, 10023, 10047, 10054]);
const FULL_MESSAGE = 'nothing more can be stored: the log of readings is full until those in it are counted and in ClickHouse; send it again later';
const FULL_RETRY_S = 30;

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

  async append(dpuId: DpuId, data: Uint8Array, mark?: string): Promise<void> {
    const options = { kind: SpanKind.PRODUCER, attributes: { 'density.dpu': dpuId } };
    await inSpan('publish readings', options, async () => this.#js.publish(readingSubject(dpuId), data, marked(traced(), mark))).catch((error: unknown) => {
      if (error instanceof JetStreamApiError && FULL.has(error.code)) throw new Failure('unavailable', FULL_MESSAGE, { cause: error, retryAfterSeconds: FULL_RETRY_S });
      throw error;
    });
  }

  async tick(partition: Partition): Promise<void> {
    // No acknowledgement: the next tick makes up for a lost one.
    this.#nc.publish(tickSubject(partition));
  }

  async purge(beforeSeq: number, beforeMs: number): Promise<void> {
    // An instant that the server cannot read is the beginning to it.
    const kept = beforeMs === END_MS ? null : await this.#jsm.direct.getMessage(READINGS, { start_time: new Date(beforeMs) });
    const seq = Math.min(beforeSeq, kept?.seq ?? beforeSeq);
    if (seq > 1) await this.#jsm.streams.purge(READINGS, { seq });
  }

  async occupied(): Promise<Occupied> {
    const { config, state: { bytes, first_seq: firstSeq, last_seq: lastSeq } } = await this.#jsm.streams.info(READINGS);
    const bytesMax = readingsBytesOf(config);
    return { part: bytesMax > 0 ? bytes / bytesMax : 0, takesReadings: takesReadings(config), firstSeq, lastSeq };
  }

  async firstFrom(partition: Partition, seq: number): Promise<number | undefined> {
    return (await this.#jsm.direct.getMessage(READINGS, { next_by_subj: readingsOf(partition), seq: Math.max(1, seq) }))?.seq;
  }

  async admit(isWanted: boolean): Promise<void> {
    const { config } = await this.#jsm.streams.info(READINGS);
    if (takesReadings(config) !== isWanted) await this.#jsm.streams.update(READINGS, isWanted ? openedTo(readingsBytesOf(config)) : closedAt(readingsBytesOf(config)));
  }
}
