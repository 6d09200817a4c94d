// The actors of the spaces of one partition.
import { expect, test } from 'vitest';
import { SpaceActorStarter, tell } from '../../actors/space/space-actor.ts';
import { SpaceState, type Emit, type PartitionContext } from '../../actors/space/space-state.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { fakeOf } from '../support/fake-of.ts';

const ignored = (): void => undefined;
const spaceState = (id: number): SpaceState => new SpaceState(id as SpaceId);

test('spaces of one partition share one system, which is most of the memory of an actor', () => {
  const actors = new SpaceActorStarter(ignored);
  const [one, other] = [1, 2].map((id) => actors.start(spaceState(id)));
  expect(one?.system).toBeDefined();
  expect(other?.system).toBe(one?.system);
});

test('the error of a space is thrown to the one who told it, and the others go on', () => {
  class Broken extends SpaceState {
    override blockCut(): void {
      throw new Error('broken');
    }
  }
  const actors = new SpaceActorStarter(ignored);
  const broken = actors.start(new Broken(1 as SpaceId));
  const state = spaceState(2);
  state.resumeAt(BEGINNING_MS, { ms: BEGINNING_MS, block: 1 }, null);
  const other = actors.start(state);
  expect(() => tell(broken, { type: 'blockCut', block: 1 })).toThrow('broken');
  tell(other, { type: 'newestReadingRead', block: 1, storedMs: 5 });
  expect(state.lastReadingAt(10)).toBe(5);
});

test('an error while handling a request of a space is thrown to the caller of tell', () => {
  class Asking extends SpaceState {
    override elapse(_: PartitionContext, emit: Emit): void {
      emit({ type: 'cutRequested' });
    }
  }
  const actor = new SpaceActorStarter(() => {
    throw new Error('refused');
  }).start(new Asking(1 as SpaceId));
  const context = fakeOf<PartitionContext>('context', {});
  expect(() => tell(actor, { type: 'timeElapsed', context })).toThrow('refused');
  expect(() => tell(actor, { type: 'timeElapsed', context })).toThrow('refused');
});
