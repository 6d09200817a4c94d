// When the guard of the logs repairs them: not before all shards have been given up, here and elsewhere.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import type { Leases } from '../../src/ports/leases.ts';
import { LogGuard } from '../../src/recovery/log-guard.ts';
import type { RepairReport } from '../../src/recovery/repair-logs.ts';
import { memoryPorts, type MemoryPorts } from '../conformance/ports.ts';
import { eventually } from '../support/eventually.ts';
import { repairDeps } from '../support/repair-deps.ts';

const P1 = 1 as Partition;
/** More than the attempts between two inspections. */
const ATTEMPTS = 25;

describe('the guard of logs that went back', () => {
  let ports: MemoryPorts;
  let abort: AbortController;
  /** What happened, in order. */
  let journal: string[];
  /** How often a lease was asked for and was not free. */
  let refused: number;
  let inspections: number;

  beforeEach(async () => {
    [ports, abort, journal, refused, inspections] = [await memoryPorts(), new AbortController(), [], 0, 0];
    // As a repair that was killed leaves it.
    await ports.recovery.beginEpoch(1, '');
  });
  afterEach(async () => {
    abort.abort();
    await ports.close();
  });

  function guardOf(suspendShards: () => Promise<void>): LogGuard {
    const begun = watched(ports.recovery, 'beginEpoch', () => journal.push('begun'));
    const recovery = watched(begun, 'epochs', () => (inspections += 1));
    const deps = repairDeps({ ...ports, recovery }, ports.epoch);
    return new LogGuard({
      ...deps,
      suspendShards: async () => {
        await suspendShards();
        journal.push('suspended');
      },
      resumeShards: () => void journal.push('resumed'),
      seenHere: () => [],
      topologyReader: { hasLogGoneBack: async () => false, startOver: async () => Promise.resolve() },
      leases: watched<Leases, 'take'>(ports.leases, 'take', (answer) => {
        if (answer === undefined) refused += 1;
      }),
      holder: 'p1',
      timing: {
        now: () => performance.now(),
        random: () => 0.5,
        yield: async () => undefined,
        pause: async () => yieldToEventLoop(),
      },
      log: pino({ level: 'silent' }),
    });
  }

  it('L3 suspends the shards of its own process, repairs, and has them run again', async () => {
    const lease = (await ports.leases.take(P1, 'p1')) ?? 0;
    const guard = guardOf(() => ports.leases.release(P1, lease));
    await guard.ensureSound(abort.signal);
    expect(journal).toEqual(['suspended', 'begun', 'resumed']);
    expect(guard.problem).toBe(undefined);
    expect(await ports.recovery.epochs()).toEqual({ begun: 2, done: 2 });
  });

  it('L3 looks for messages that cannot be read after each suspicion, and reports each once', async () => {
    const guard = guardOf(async () => Promise.resolve());
    const damagedSoFar = async (): Promise<unknown> =>
      (await ports.recovery.reports(10)).flatMap(
        ({ report }) => (JSON.parse(report) as RepairReport).unreadable?.ranges ?? [],
      );
    await guard.ensureSound(abort.signal);
    for (let n = 0; n < 3; n++) await ports.readings.tick(P1);
    ports.streams.readings.damage(2);
    guard.suspect();
    await guard.ensureSound(abort.signal);
    expect(await damagedSoFar()).toEqual([[2, 2]]);
    ports.streams.readings.damage(1);
    guard.suspect();
    await guard.ensureSound(abort.signal);
    expect(await damagedSoFar()).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it('L3 suspends shards at once if messages cannot be read, and otherwise looks a second time', async () => {
    let before = 0;
    const guard = guardOf(async () => Promise.resolve(void (before = inspections)));
    await guard.ensureSound(abort.signal);
    expect(before).toBe(2);
    await ports.readings.tick(P1);
    ports.streams.readings.damage(1);
    guard.suspect();
    inspections = 0;
    await guard.ensureSound(abort.signal);
    expect(before).toBe(1);
  });

  it('L3 repairs nothing while another process has a shard', async () => {
    const lease = (await ports.leases.take(P1, 'p2')) ?? 0;
    const repair = guardOf(async () => Promise.resolve()).ensureSound(abort.signal);
    await eventually(() => expect(refused).toBeGreaterThan(ATTEMPTS), 20_000);
    expect(journal).toEqual(['suspended']);
    await ports.leases.release(P1, lease);
    await repair;
    expect(journal).toEqual(['suspended', 'begun', 'resumed']);
  });
});

/** A port of which one method reports its answers. */
function watched<Port extends object, Name extends keyof Port>(
  port: Port,
  method: Name,
  onAnswer: (answer: unknown) => void,
): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        const answer: unknown = await Reflect.apply(value, target, args);
        if (name === method) onAnswer(answer);
        return answer;
      };
    },
  });
}
