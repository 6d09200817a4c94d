import type { JetStreamClient } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { LogCursor } from '../ports/log.ts';
import { STALL_CHECK_MS } from './log-consumer.ts';
import { StreamReader } from './stream-reader.ts';

/**
 * Reads a stream, or a part of it, that nothing else in this process reads.
 * @param stallCheckMs a consumer that leaves an entry undelivered from one check to the next fails
 */
export async function openCursor(
  js: JetStreamClient,
  stream: string,
  subjects: string[],
  afterSeq: number,
  stallCheckMs = STALL_CHECK_MS,
): Promise<LogCursor> {
  const reader = new StreamReader(js, {
    stream,
    partitionOf: () => 'all',
    catchUpSubjects: () => subjects,
    modeFor: () => 'filtered',
    stallCheckMs,
  });
  return reader.open(0 as Partition, afterSeq);
}
