// Opens a cursor over a stream that this process reads only once, such as TOPOLOGY.
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { LogCursor } from '../ports/log.ts';
import { STALL_CHECK_MS } from './log-consumer.ts';
import { StreamReader } from './stream-reader.ts';

/**
 * Reads the given subjects of a stream with a consumer of its own.
 * @param stallCheckMs the interval between checks for a silent consumer
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
