import { setImmediate } from 'node:timers/promises';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { Verdict } from './verdict.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** A hash of every choice made: equal seeds give equal hashes. */
  readonly traceHash: string;
  readonly steps: number;
  /** Empty if everything is correct. */
  readonly objections: readonly string[];
  /** How many answers given as final during the run were compared with the end. */
  readonly finalAnswers: number;
}

/** Runs a scenario to its end and judges it. Never throws because of a bug of the service. */
export async function simulate(scenario: Scenario, onTrace?: (line: string) => void): Promise<Outcome> {
  // The scheduler's steps never yield to the event loop, so yield once between two runs.
  await setImmediate();
  // Thousands of errors are thrown on purpose, and nobody reads their stack traces.
  const { stackTraceLimit } = Error;
  if (!onTrace) Error.stackTraceLimit = 0;
  const world = new World(scenario, onTrace);
  const objections: string[] = [];
  let finalAnswers = 0;
  try {
    await world.run();
    const process = await world.settle();
    const verdict = new Verdict(world, process);
    objections.push(
      ...world.witness.objections,
      ...world.engines.tables.objections,
      ...world.engines.streams.objections,
      ...(await verdict.reach(new Random(scenario.seed ^ 0x7e57))),
    );
    ({ finalAnswers } = verdict);
  } catch (error) {
    objections.push(
      ...world.witness.objections,
      ...world.engines.tables.objections,
      ...world.engines.streams.objections,
      error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    );
  }
  const outcome = {
    seed: scenario.seed,
    traceHash: world.scheduler.traceHash,
    steps: world.scheduler.steps,
    objections,
    finalAnswers,
  };
  world.dispose();
  await setImmediate();
  Error.stackTraceLimit = stackTraceLimit;
  return outcome;
}
