// What is done with messages that READINGS cannot assign to a partition, on streams in memory.
import { describe, expect, it } from 'vitest';
import type { AcknowledgedMessage, StoredMessage } from '../../src/ports/readings-log.ts';
import { forwardMessages } from '../../src/publishing/forward-messages.ts';

/** Forwards messages that arrive one after the other, and then ends. */
async function forward(topics: readonly string[], refused?: string): Promise<{ done: string[]; error: unknown }> {
  const done: string[] = [];
  const abort = new AbortController();
  const messages = {
    async *arriving(): AsyncGenerator<AcknowledgedMessage> {
      for (const topic of topics)
        yield { topic, data: new Uint8Array(), storedMs: 0, release: () => void done.push(`release ${topic}`) };
      abort.abort();
    },
  };
  const restore = async ({ topic }: StoredMessage): Promise<void> => {
    if (topic === refused) throw new Error('READINGS is full');
    done.push(`append ${topic}`);
  };
  const error = await forwardMessages(messages, { restore }, abort.signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { done, error };
}

describe('a message that READINGS did not take', () => {
  it('A2 is put there, and released after that', async () => {
    const { done, error } = await forward(['7.readings', '8./']);
    expect(error).toBeUndefined();
    expect(done.sort()).toEqual(['append 7.readings', 'append 8./', 'release 7.readings', 'release 8./']);
    expect((await forward(['7.readings'])).done).toEqual(['append 7.readings', 'release 7.readings']);
  });

  it('A2 is not released when READINGS refuses it, and the others are', async () => {
    const { done, error } = await forward(['7.readings', '8./'], '7.readings');
    expect(error).toMatchObject({ message: 'READINGS is full' });
    expect(done).toEqual(['append 8./', 'release 8./']);
  });
});
