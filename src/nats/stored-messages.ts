// Reads single messages of a stream, always from its leader, because a replica may lag.
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';

/** The message at a sequence; undefined if there is none. */
export async function messageAt(jsm: JetStreamManager, stream: string, seq: number): Promise<StoredMsg | undefined> {
  return seq < 1 ? undefined : ((await jsm.streams.getMessage(stream, { seq })) ?? undefined);
}
