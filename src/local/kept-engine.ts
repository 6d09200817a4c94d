// Keeps an engine running: restarts it, with backoff, when it ends without having been stopped. A failure of the
// first start is not retried, because its cause needs a person.
import { backoffMs, HEALTHY_AFTER_MS } from '../runtime/backoff.ts';
import { MACHINE_TIMING, type Timing } from '../runtime/timing.ts';

interface Stoppable {
  /** May be called after the engine has ended. */
  stop(): Promise<void>;
}

export interface KeptEngineOptions<Engine extends Stoppable> {
  /**
   * @param before the engine that has ended, whose ports the new one has to use
   * @param onExit called if the engine ends without having been stopped
   */
  readonly start: (before: Engine | undefined, onExit: (error: Error) => void) => Promise<Engine>;
  /** Called when the engine has ended, and when an attempt to restart it has failed. Another attempt follows. */
  readonly onFailure: (error: Error) => void;
  readonly timing?: Timing;
}

export interface KeptEngine<Engine> {
  /** The engine as it was first started. */
  readonly engine: Engine;
  stop(): Promise<void>;
}

/**
 * @throws the error of the first start
 */
export async function keepEngine<Engine extends Stoppable>({
  start,
  onFailure,
  timing = MACHINE_TIMING,
}: KeptEngineOptions<Engine>): Promise<KeptEngine<Engine>> {
  const over = new AbortController();
  const stopped = new Promise<undefined>((resolve) =>
    over.signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  const attempt = async (before?: Engine): Promise<{ engine: Engine; ended: Promise<Error> }> => {
    let end: (error: Error) => void = () => undefined;
    const ended = new Promise<Error>((resolve) => (end = resolve));
    return { engine: await start(before, end), ended };
  };
  let current = await attempt();
  const { engine } = current;

  const keep = async (): Promise<void> => {
    for (let failures = 0; !over.signal.aborted;) {
      const startedAt = timing.now();
      let failure = await Promise.race([current.ended, stopped]);
      if (timing.now() - startedAt > HEALTHY_AFTER_MS) failures = 0;
      while (failure && !over.signal.aborted) {
        onFailure(failure);
        failures += 1;
        await timing.pause(backoffMs(failures, timing), over.signal);
        if (over.signal.aborted) return;
        failure = await attempt(current.engine).then(
          (next) => void (current = next),
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        );
      }
    }
  };
  const keeping = keep();
  return {
    engine,
    stop: async () => {
      over.abort();
      await keeping;
      await current.engine.stop();
    },
  };
}
