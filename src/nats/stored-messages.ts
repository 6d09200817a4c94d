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

/** The sequences at which the stream claims to hold a message. It may be unable to return it nevertheless. */
export async function heldOf(jsm: JetStreamManager, stream: string, seqs: readonly number[]): Promise<number[]> {
  const { state } = await jsm.streams.info(stream, { deleted_details: true });
  const deleted = new Set(state.deleted ?? []);
  return seqs.filter((seq) => seq >= state.first_seq && seq <= state.last_seq && !deleted.has(seq));
}
