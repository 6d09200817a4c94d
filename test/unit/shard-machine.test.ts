import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  SHARD_EVENTS,
  SHARD_STATES,
  SHARD_TABLE,
  startShardActor,
  stateOfShard,
  type ShardState,
} from '../../actors/shard/shard-machine.ts';

test('the machine does what the table says, and enters a state exactly when a cell asks for it', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...SHARD_EVENTS), { maxLength: 60 }), (events) => {
      const entered: ShardState[] = [];
      const actor = startShardActor(
        (state) => entered.push(state),
        (error) => {
          throw error;
        },
      );
      let state = 'idle' as ShardState;
      const expected: ShardState[] = [state];
      for (const type of events) {
        actor.send({ type });
        const cell: ShardState | 'stay' | 'anew' = SHARD_TABLE[state][type];
        if (cell === 'stay') continue;
        if (cell !== 'anew') state = cell;
        expected.push(state);
        expect(stateOfShard(actor)).toBe(state);
      }
      expect(entered).toEqual(expected);
    }),
  );
});

test('L1, L2: from a granted lease every way ends in releasing, or in abandoning when it was lost', () => {
  const holding: readonly ShardState[] = ['restoring', 'running', 'draining'];
  for (const state of holding) {
    for (const event of SHARD_EVENTS) {
      const cell = SHARD_TABLE[state][event];
      const allowed: readonly string[] =
        event === 'leaseLost' ? ['abandoning'] : [...holding, 'releasing', 'stay', 'anew'];
      expect(allowed, `${state} x ${event}`).toContain(cell);
    }
  }
  for (const state of SHARD_STATES) {
    if (!holding.includes(state) && state !== 'releasing' && state !== 'abandoning')
      expect(['releasing', 'restoring']).toContain(SHARD_TABLE[state].leaseGranted);
  }
});
