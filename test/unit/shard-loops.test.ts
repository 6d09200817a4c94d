// What a shard that was granted its lease does while the logs are in doubt: nothing.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { ShardLoops, type ShardLoopsDeps } from '../../src/shards/shard-loops.ts';
import { eventually } from '../support/eventually.ts';
import { fakeOf } from '../support/fake-of.ts';

const TURNS = 50;

/** A class, because `fakeOf` wraps plain objects. */
class Unanswered {}

it.each([
  ['owns', (loops: ShardLoops): Promise<unknown> => loops.own()],
  ['keeps a copy', (loops: ShardLoops): Promise<unknown> => loops.keepCopy()],
])('L3 a shard that %s reads nothing before the logs are sound', async (_, begin) => {
  const called: string[] = [];
  /** Records what is called, and never answers. */
  const unanswered = <Port extends object>(): Port =>
    new Proxy(new Unanswered() as Port, {
      get: (_target, name) => (): Promise<never> => {
        called.push(String(name));
        return new Promise(() => undefined);
      },
    });
  let settle: () => void = () => undefined;
  const sound = new Promise<void>((resolve) => (settle = resolve));
  const loops = new ShardLoops(
    fakeOf<ShardLoopsDeps>('ShardLoopsDeps', {
      fold: {
        partition: 0 as Partition,
        partitions: 1,
        epoch: new LogEpoch(),
        events: unanswered<ShardLoopsDeps['fold']['events']>(),
        history: unanswered<ShardLoopsDeps['fold']['history']>(),
        checkpoints: unanswered<ShardLoopsDeps['fold']['checkpoints']>(),
        yieldTurn: async () => Promise.resolve(),
      },
      logs: { doubts: 1, suspect: () => undefined, untilSound: async () => sound },
      onRouterFailure: () => undefined,
      timing: MACHINE_TIMING,
      log: pino({ level: 'silent' }),
    }),
  );
  begin(loops).catch(() => undefined);
  for (let turn = 0; turn < TURNS; turn++) await yieldToEventLoop();
  expect(called).toEqual([]);
  settle();
  await eventually(() => expect(called).toContain('load'), 20_000);
});
