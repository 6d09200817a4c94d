// The newest messages of one device are found among those of others, whatever the order, with few requests.
import type { StoredMsg } from '@nats-io/jetstream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newestMessages, type ReadBatch } from '../../src/nats/newest-messages.ts';
import { fakeOf } from '../support/fake-of.ts';

/** A server that holds messages with these sequences. */
function serverWith(seqs: readonly number[]): { read: ReadBatch; requests: () => number; largest: () => number } {
  let [requests, largest] = [0, 0];
  return {
    requests: () => requests,
    largest: () => largest,
    read: async ({ seq, batch }) => {
      requests += 1;
      const from = seqs.filter((each) => each >= seq);
      const read = from
        .slice(0, batch)
        .map((each, index) => fakeOf<StoredMsg>('StoredMsg', { seq: each, pending: from.length - index - 1 }));
      largest = Math.max(largest, read.length);
      return read;
    },
  };
}

const gaps = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 })), {
  minLength: 1,
  maxLength: 400,
});

it('are the last ones, the newest first', async () => {
  await fc.assert(
    fc.asyncProperty(gaps, fc.integer({ min: 1, max: 50 }), async (between, limit) => {
      let seq = 0;
      const seqs = between.map((gap) => (seq += gap));
      const server = serverWith(seqs);
      const found = { subject: 'readings.*.1.>', firstSeq: 1, lastSeq: seq, limit };
      expect(await newestMessages(server.read, found, (message) => message.seq)).toEqual(
        seqs.slice(-limit).toReversed(),
      );
      expect(server.requests()).toBeLessThan(50);
      expect(server.largest()).toBeLessThanOrEqual(4 * limit);
    }),
  );
});
