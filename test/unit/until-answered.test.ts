import { JetStreamApiError } from '@nats-io/jetstream';
import { TimeoutError } from 'nats';
import { describe, expect, it } from 'vitest';
import { untilAnswered } from '../../src/nats/until-answered.ts';
import type { Timing } from '../../src/runtime/timing.ts';

function clock(): Timing {
  let nowMs = 0;
  return {
    now: () => nowMs,
    random: () => 0.5,
    pause: async (ms) => {
      nowMs += ms;
    },
    yield: async () => undefined,
  };
}
const apiError = (code: number): JetStreamApiError =>
  new JetStreamApiError({ code: 404, err_code: code, description: 'refused' });

describe('at the start of a process', () => {
  it('repeats what NATS did not answer, or does not know yet', async () => {
    const failures: Error[] = [
      new TimeoutError(),
      apiError(10059),
      new Error('stream READINGS cannot be given its bounds', { cause: new TimeoutError() }),
    ];
    const told: unknown[] = [];
    const left = [...failures];
    const act = async (): Promise<string> => {
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return 'created';
    };
    expect(await untilAnswered(act, clock(), (error) => told.push(error))).toBe('created');
    expect(told).toEqual(failures);
  });

  it('ends with an answer that will not change', async () => {
    const told: unknown[] = [];
    const refused = apiError(10047);
    const act = async (): Promise<never> => {
      throw refused;
    };
    await expect(untilAnswered(act, clock(), (error) => told.push(error))).rejects.toBe(refused);
    expect(told).toEqual([]);
  });

  it('ends after half a minute without an answer', async () => {
    const timing = clock();
    const act = async (): Promise<never> => {
      await timing.pause(5_000, new AbortController().signal);
      throw new TimeoutError();
    };
    await expect(untilAnswered(act, timing, () => undefined)).rejects.toThrow(TimeoutError);
    expect(timing.now()).toBeGreaterThanOrEqual(30_000);
    expect(timing.now()).toBeLessThan(45_000);
  });
});
