// Messages that MQTT has acknowledged, on streams in memory.
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { AcknowledgedMessage, StoredMessage } from '../../src/ports/readings-log.ts';
import { keepAcknowledged } from '../../src/publishing/keep-acknowledged.ts';

const encoder = new TextEncoder();
const message = (topic: string, text: string): StoredMessage => ({ topic, data: encoder.encode(text) });
const nameOf = ({ topic, data }: StoredMessage): string => `${topic} ${new TextDecoder().decode(data)}`;

interface Outcome {
  /** The calls, in order. */
  readonly done: readonly string[];
  readonly restored: number;
  readonly error: unknown;
}

/** One batch of acknowledged messages, and then the end. */
async function keep(
  acknowledged: readonly StoredMessage[],
  stored: readonly StoredMessage[],
  options: { refuse?: string } = {},
): Promise<Outcome> {
  const done: string[] = [];
  const abort = new AbortController();
  let restored = 0;
  const batch = acknowledged.map((one, n): AcknowledgedMessage => ({
    ...one,
    storedMs: 1_000 + n,
    release: () => void done.push(`release ${nameOf(one)}`),
  }));
  const error = await keepAcknowledged(
    {
      acknowledged: {
        next: async () => {
          if (batch.length === 0) abort.abort();
          return batch.splice(0);
        },
      },
      readings: {
        async *storedBetween(fromMs, toMs) {
          if (fromMs < 1_000 && toMs > 1_000 + acknowledged.length) yield* stored;
        },
        restore: async (message) => {
          const name = nameOf(message);
          if (name === options.refuse) throw new Error('READINGS is full');
          done.push(`append ${name}`);
        },
      },
      timing: {
        now: () => 0,
        random: () => 0,
        yield: async () => undefined,
        pause: async () => void done.push('wait'),
      },
      log: pino({ level: 'silent' }),
      onRestored: (messages) => void (restored += messages),
    },
    abort.signal,
  ).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { done, restored, error };
}

describe('messages that MQTT has acknowledged', () => {
  it('A2 are released without being appended if READINGS has them', async () => {
    expect(
      await keep([message('a', '1'), message('b', '2')], [message('b', '2'), message('c', '3'), message('a', '1')]),
    ).toEqual({ done: ['wait', 'release a 1', 'release b 2'], restored: 0, error: undefined });
  });

  it('A2 are appended to READINGS if it lacks them, before any of them is released', async () => {
    expect(await keep([message('a', '1'), message('a', '2'), message('b', '1')], [message('a', '1')])).toEqual({
      done: ['wait', 'append a 2', 'append b 1', 'release a 1', 'release a 2', 'release b 1'],
      restored: 2,
      error: undefined,
    });
  });

  it('A2 count as missing although another DPU has sent the same bytes', async () => {
    expect((await keep([message('a', '1')], [message('b', '1')])).done).toEqual(['wait', 'append a 1', 'release a 1']);
  });

  it('A2 are not released if READINGS refuses them, so they are redelivered', async () => {
    const { done, error } = await keep([message('a', '1'), message('a', '2')], [], { refuse: 'a 2' });
    expect(done).toEqual(['wait', 'append a 1']);
    expect(error).toMatchObject({ message: 'READINGS is full' });
  });

  it('A2 that are the same, to the byte, are in READINGS as often as they were acknowledged', async () => {
    const twice = [message('a', '1'), message('a', '1')];
    const released = ['release a 1', 'release a 1'];
    expect((await keep(twice, [])).done).toEqual(['wait', 'append a 1', 'append a 1', ...released]);
    expect((await keep(twice, [message('a', '1')])).done).toEqual(['wait', 'append a 1', ...released]);
    expect((await keep(twice, twice)).done).toEqual(['wait', ...released]);
  });

  it('A2 are compared as bytes, which need not be text', async () => {
    const bytes = (last: number): StoredMessage => ({ topic: 'a', data: Uint8Array.of(0, 0xff, 0xc3, last) });
    const { restored } = await keep([bytes(0x28), bytes(0x29)], [bytes(0x28)]);
    expect(restored).toBe(1);
  });
});
