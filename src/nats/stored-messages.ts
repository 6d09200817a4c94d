// Single messages of a stream, and where it begins and ends.
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { LogBounds } from '../ports/log.ts';

/** From the stream's leader: what a replica has may be less. */
export async function boundsOf(jsm: JetStreamManager, stream: string): Promise<LogBounds> {
  const { state } = await jsm.streams.info(stream);
  return { firstSeq: state.first_seq, lastSeq: state.last_seq };
}

export async function messageAt(jsm: JetStreamManager, stream: string, seq: number): Promise<StoredMsg | undefined> {
  return seq < 1 ? undefined : ((await jsm.streams.getMessage(stream, { seq })) ?? undefined);
}
