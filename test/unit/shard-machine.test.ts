// The statechart of a shard: the effect of every event in every state, and of the delays.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AnyStateNode } from 'xstate';
import { shardMachine, SHARD_STATES } from '../../actors/shard/shard-machine.ts';
import { ControlledShard, EVENTS, LEAVES, type Event, type Leaf } from '../support/controlled-shard.ts';

/** `stay`: nothing changes. `never`: cannot happen there, because the state has no such task. */
type Cell = Leaf | 'stay' | 'never';

const TABLE: Record<Leaf, Record<Event, Cell>> = {
  idle: {
    goalOwn: 'acquiring.asking',
    goalStandBy: 'standingBy.following',
    goalNothing: 'stay',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'never',
    taskFails: 'never',
    delayElapses: 'stay',
  },
  'standingBy.following': {
    goalOwn: 'acquiring.asking',
    goalStandBy: 'stay',
    goalNothing: 'abandoning',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'stay',
    taskFails: 'standingBy.stopping',
    delayElapses: 'stay',
  },
  'standingBy.stopping': {
    goalOwn: 'acquiring.asking',
    goalStandBy: 'stay',
    goalNothing: 'abandoning',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'standingBy.pausing',
    taskFails: 'standingBy.pausing',
    delayElapses: 'stay',
  },
  'standingBy.pausing': {
    goalOwn: 'acquiring.asking',
    goalStandBy: 'stay',
    goalNothing: 'abandoning',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'never',
    taskFails: 'never',
    delayElapses: 'standingBy.following',
  },
  'acquiring.asking': {
    goalOwn: 'stay',
    goalStandBy: 'stay',
    goalNothing: 'stay',
    leaseFreed: 'stay',
    leaseGranted: 'holding.restoring.catchingUp',
    leaseRefused: 'acquiring.waiting',
    leaseLost: 'never',
    taskEnds: 'acquiring.waiting',
    taskFails: 'acquiring.waiting',
    delayElapses: 'stay',
  },
  'acquiring.waiting': {
    goalOwn: 'stay',
    goalStandBy: 'standingBy.following',
    goalNothing: 'abandoning',
    leaseFreed: 'acquiring.asking',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'never',
    taskFails: 'never',
    delayElapses: 'acquiring.asking',
  },
  'holding.restoring.catchingUp': {
    goalOwn: 'stay',
    goalStandBy: 'releasing',
    goalNothing: 'releasing',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'abandoning',
    taskEnds: 'holding.running',
    taskFails: 'holding.restoring.stopping',
    delayElapses: 'stay',
  },
  'holding.restoring.stopping': {
    goalOwn: 'stay',
    goalStandBy: 'releasing',
    goalNothing: 'releasing',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'abandoning',
    taskEnds: 'holding.restoring.pausing',
    taskFails: 'holding.restoring.pausing',
    delayElapses: 'stay',
  },
  'holding.restoring.pausing': {
    goalOwn: 'stay',
    goalStandBy: 'releasing',
    goalNothing: 'releasing',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'abandoning',
    taskEnds: 'never',
    taskFails: 'never',
    delayElapses: 'holding.restoring.catchingUp',
  },
  'holding.running': {
    goalOwn: 'stay',
    goalStandBy: 'holding.draining',
    goalNothing: 'holding.draining',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'abandoning',
    taskEnds: 'stay',
    taskFails: 'holding.restoring.stopping',
    delayElapses: 'stay',
  },
  'holding.draining': {
    goalOwn: 'stay',
    goalStandBy: 'stay',
    goalNothing: 'stay',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'abandoning',
    taskEnds: 'releasing',
    taskFails: 'releasing',
    delayElapses: 'releasing',
  },
  releasing: {
    goalOwn: 'stay',
    goalStandBy: 'stay',
    goalNothing: 'stay',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'idle',
    taskFails: 'idle',
    delayElapses: 'stay',
  },
  abandoning: {
    goalOwn: 'stay',
    goalStandBy: 'stay',
    goalNothing: 'stay',
    leaseFreed: 'stay',
    leaseGranted: 'never',
    leaseRefused: 'never',
    leaseLost: 'never',
    taskEnds: 'idle',
    taskFails: 'idle',
    delayElapses: 'stay',
  },
};

const TO_RUNNING = ['goalOwn', 'leaseGranted', 'taskEnds'] as const;
const PATHS: Record<Leaf, readonly Event[]> = {
  idle: [],
  'standingBy.following': ['goalStandBy'],
  'standingBy.stopping': ['goalStandBy', 'taskFails'],
  'standingBy.pausing': ['goalStandBy', 'taskFails', 'taskEnds'],
  'acquiring.asking': ['goalOwn'],
  'acquiring.waiting': ['goalOwn', 'leaseRefused'],
  'holding.restoring.catchingUp': ['goalOwn', 'leaseGranted'],
  'holding.restoring.stopping': ['goalOwn', 'leaseGranted', 'taskFails'],
  'holding.restoring.pausing': ['goalOwn', 'leaseGranted', 'taskFails', 'taskEnds'],
  'holding.running': TO_RUNNING,
  'holding.draining': [...TO_RUNNING, 'goalNothing'],
  releasing: [...TO_RUNNING, 'goalNothing', 'taskEnds'],
  abandoning: ['goalStandBy', 'goalNothing'],
};

function leavesOf(node: AnyStateNode): string[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node.path.join('.')] : children.flatMap(leavesOf);
}

describe('the statechart of a shard', () => {
  it('has a row in the table for each of its states', () => {
    expect(leavesOf(shardMachine.root).sort()).toEqual([...LEAVES].sort());
  });

  it.each(LEAVES.flatMap((leaf) => EVENTS.map((event) => [leaf, event, TABLE[leaf][event]] as const)))(
    'in %s, on %s: %s',
    async (leaf, event, cell) => {
      const shard = new ControlledShard();
      await shard.happens(...PATHS[leaf]);
      expect(shard.leaf).toBe(leaf);
      expect(shard.can(event)).toBe(cell !== 'never');
      if (cell === 'never') return;
      await shard.happens(event);
      expect(shard.leaf).toBe(cell === 'stay' ? leaf : cell);
    },
  );

  it('names the outer state, of which there are eight', async () => {
    const seen = new Set<string>();
    for (const leaf of LEAVES) {
      const shard = new ControlledShard();
      await shard.happens(...PATHS[leaf]);
      seen.add(shard.state);
    }
    expect([...seen].sort()).toEqual([...SHARD_STATES].sort());
  });
});

// A process neither forgets to release its lease, nor releases one that another process holds.
it('L1, L2: every path from a granted lease ends in releasing, or in abandoning if it was lost', () => {
  for (const leaf of LEAVES) {
    for (const event of EVENTS) {
      const cell = TABLE[leaf][event];
      if (leaf.startsWith('holding.')) {
        const isAllowed =
          event === 'leaseLost' ? cell === 'abandoning' : /^(holding\.|releasing$|stay$|never$)/.test(cell);
        expect(isAllowed, `${leaf} on ${event}: ${cell}`).toBe(true);
      } else if (leaf !== 'acquiring.asking') expect(cell, `${leaf} on ${event}`).not.toMatch(/^holding\./);
    }
  }
});

describe('while the lease is requested', () => {
  it('a copy is made, once, until the shard is taken over or no longer wanted', async () => {
    for (const last of ['leaseGranted', 'goalNothing'] as const) {
      const shard = new ControlledShard();
      await shard.happens('goalOwn');
      const copy = shard.tasks.get('keepCopy');
      await shard.happens('leaseRefused', 'leaseFreed', 'leaseRefused', 'delayElapses');
      expect(shard.tasks.get('keepCopy')).toBe(copy);
      expect(copy?.signal.aborted).toBe(false);
      if (last === 'goalNothing') await shard.happens('leaseRefused');
      await shard.happens(last);
      expect(copy?.signal.aborted).toBe(true);
    }
  });

  // The request may still be granted.
  it.each(['acquiring.asking', 'acquiring.waiting'] as const)(
    'a copy that fails changes nothing in %s',
    async (leaf) => {
      const shard = new ControlledShard();
      await shard.happens(...PATHS[leaf]);
      shard.tasks.get('keepCopy')?.fail(new Error('a task failed'));
      await yieldToEventLoop();
      expect([shard.leaf, shard.failures]).toEqual([leaf, []]);
      if (leaf === 'acquiring.waiting') await shard.happens('leaseFreed');
      await shard.happens('leaseGranted');
      expect(shard.leaf).toBe('holding.restoring.catchingUp');
    },
  );
});

describe('a lease that is granted when the shard is no longer wanted', () => {
  it.each(['goalStandBy', 'goalNothing'] as const)('is released after %s', async (goal) => {
    const shard = new ControlledShard();
    await shard.happens('goalOwn', goal, 'leaseGranted');
    expect(shard.leaf).toBe('releasing');
    await shard.happens('taskEnds');
    expect(shard.leaf).toBe(goal === 'goalNothing' ? 'idle' : 'standingBy.following');
  });
});

it('keeps a goal that cannot be reached at once', async () => {
  const shard = new ControlledShard();
  await shard.happens(...PATHS['holding.draining'], 'goalOwn', 'taskEnds', 'taskEnds');
  expect(shard.leaf).toBe('acquiring.asking');
});

it("stops the task of each state it leaves, and the lease's task with the last state that needs it", async () => {
  const shard = new ControlledShard();
  await shard.happens(...TO_RUNNING);
  const [run, lease] = [shard.tasks.get('run'), shard.tasks.get('keepLease')];
  expect([run?.signal.aborted, lease?.signal.aborted]).toEqual([false, false]);
  await shard.happens('goalNothing');
  expect([run?.signal.aborted, lease?.signal.aborted]).toEqual([true, false]);
  await shard.happens('taskEnds');
  expect(lease?.signal.aborted).toBe(true);
});

describe('a shard that fails', () => {
  /** How long it pauses after its next failure. */
  async function pauseOf(shard: ControlledShard): Promise<number> {
    await shard.happens('taskFails', 'taskEnds');
    expect(shard.leaf).toBe('holding.restoring.pausing');
    let ms = 0;
    for (; shard.leaf === 'holding.restoring.pausing' && ms < 10_000; ms++) shard.clock.increment(1);
    return ms;
  }

  it('pauses for longer after each failure, and reports each', async () => {
    const shard = new ControlledShard();
    await shard.happens('goalOwn', 'leaseGranted');
    expect([await pauseOf(shard), await pauseOf(shard), await pauseOf(shard)]).toEqual([100, 200, 400]);
    expect(shard.failures).toHaveLength(3);
  });

  it('pauses for a short time again once it has been healthy for a while', async () => {
    const shard = new ControlledShard();
    await shard.happens('goalOwn', 'leaseGranted');
    expect([await pauseOf(shard), await pauseOf(shard)]).toEqual([100, 200]);
    await shard.happens('taskEnds');
    expect(shard.leaf).toBe('holding.running');
    shard.clock.increment(9_999);
    expect(await pauseOf(shard)).toBe(400);
    await shard.happens('taskEnds');
    shard.clock.increment(10_000);
    expect(await pauseOf(shard)).toBe(100);
  });
});

it('gives a drain ten seconds, and the lease a quarter of one', async () => {
  const draining = new ControlledShard();
  await draining.happens(...PATHS['holding.draining']);
  draining.clock.increment(9_999);
  expect(draining.leaf).toBe('holding.draining');
  draining.clock.increment(1);
  expect(draining.leaf).toBe('releasing');
  const waiting = new ControlledShard();
  await waiting.happens(...PATHS['acquiring.waiting']);
  waiting.clock.increment(249);
  expect(waiting.leaf).toBe('acquiring.waiting');
  waiting.clock.increment(1);
  expect(waiting.leaf).toBe('acquiring.asking');
});
