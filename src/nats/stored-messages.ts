// Reads single messages and the bounds of a stream, always from its leader, because a replica may lag.
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { StreamBounds } from './stream-end.ts';

export async function boundsOf(jsm: JetStreamManager, stream: string): Promise<StreamBounds> {
  const { state } = await jsm.streams.info(stream);
  return { firstSeq: state.first_seq, lastSeq: state.last_seq, lastTime: state.last_ts };
}

/** The message at a sequence; undefined if there is none. */
export async function messageAt(jsm: JetStreamManager, stream: string, seq: number): Promise<StoredMsg | undefined> {
  return seq < 1 ? undefined : ((await jsm.streams.getMessage(stream, { seq })) ?? undefined);
}
