// When an engine is started again, and when not.
import { expect, test } from 'vitest';
import { keepEngine } from '../../src/local/kept-engine.ts';
import { ManualTiming } from '../support/manual-timing.ts';

/** An engine that dies, and cannot be started, when the test says so. */
class Engines {
  readonly timing = new ManualTiming();
  readonly failures: string[] = [];
  /** For each start: the number of the engine before it. */
  readonly starts: (number | undefined)[] = [];
  readonly stopped: number[] = [];
  refusal: string | undefined;
  die: () => void = () => undefined;

  async keep(): Promise<{ readonly engine: { readonly n: number }; stop(): Promise<void> }> {
    return keepEngine<{ readonly n: number; stop(): Promise<void> }>({
      start: async (before, onExit) => {
        this.starts.push(before?.n);
        if (this.refusal !== undefined) throw new Error(this.refusal);
        const n = this.starts.length;
        this.die = () => onExit(new Error(`engine ${n} ended`));
        return { n, stop: async () => void this.stopped.push(n) };
      },
      onFailure: ({ message }) => this.failures.push(message),
      timing: this.timing,
    });
  }
}

test('an engine that dies is started again in its place, each time', async () => {
  const engines = new Engines();
  const kept = await engines.keep();
  expect(kept.engine.n).toBe(1);
  for (const n of [1, 2, 3]) {
    engines.die();
    await engines.timing.advance(5_000);
    expect(engines.starts.at(-1)).toBe(n);
    await engines.timing.advance(60_000);
  }
  expect(engines.failures).toEqual(['engine 1 ended', 'engine 2 ended', 'engine 3 ended']);
  await kept.stop();
  expect(engines.stopped).toEqual([4]);
});

test('what cannot be started again is tried less and less often, for ever', async () => {
  const engines = new Engines();
  const kept = await engines.keep();
  engines.refusal = 'the port is taken';
  engines.die();
  await engines.timing.advance(1_000);
  const soon = engines.starts.length - 1;
  await engines.timing.advance(100_000);
  const before = engines.starts.length;
  await engines.timing.advance(100_000);
  const later = engines.starts.length - before;
  // At most every 2.5 to 5 seconds in the end.
  expect([soon > 2, later]).toEqual([true, 40]);
  expect(new Set(engines.failures)).toEqual(new Set(['engine 1 ended', 'the port is taken']));
  engines.refusal = undefined;
  await engines.timing.advance(5_000);
  const started = engines.starts.length;
  await engines.timing.advance(100_000);
  expect(engines.starts.length).toBe(started);
  // It was healthy for long: the first attempt after its next end is soon again.
  engines.die();
  await engines.timing.advance(100);
  expect(engines.starts.length).toBe(started + 1);
  await kept.stop();
});

test('an engine that is stopped, or dies just before that, is not started again', async () => {
  const engines = new Engines();
  const first = await engines.keep();
  await first.stop();
  engines.die();
  await engines.timing.advance(100_000);
  expect([engines.starts.length, engines.stopped]).toEqual([1, [1]]);
  const second = await engines.keep();
  engines.die();
  await second.stop();
  await engines.timing.advance(100_000);
  expect([engines.starts.length, engines.stopped]).toEqual([2, [1, 2]]);
});

test('an engine that cannot be started at first is not tried again', async () => {
  const engines = new Engines();
  engines.refusal = 'the port is taken';
  await expect(engines.keep()).rejects.toThrow('the port is taken');
  await engines.timing.advance(100_000);
  expect(engines.starts).toHaveLength(1);
});
