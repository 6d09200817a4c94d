// The actors of the spaces of one partition.
import { expect, test } from 'vitest';
import { startSpaceActor, startSpacesActor, tell } from '../../actors/space/space-actor.ts';
import { SpaceState } from '../../actors/space/space-state.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';

const ignored = (): void => undefined;
const spaceState = (id: number): SpaceState => new SpaceState(id as SpaceId);

test('spaces of one partition share one system, which is most of the memory of an actor', () => {
  const parent = startSpacesActor();
  const [one, other] = [1, 2].map((id) => startSpaceActor(spaceState(id), parent, ignored));
  expect(one?.system).toBe(parent.system);
  expect(other?.system).toBe(parent.system);
});

test('the error of a space is thrown to the one who told it, and the others go on', () => {
  class Broken extends SpaceState {
    override blockCut(): void {
      throw new Error('broken');
    }
  }
  const parent = startSpacesActor();
  const broken = startSpaceActor(new Broken(1 as SpaceId), parent, ignored);
  const state = spaceState(2);
  state.resumeAt(BEGINNING_MS, { ms: BEGINNING_MS, block: 1 }, null);
  const other = startSpaceActor(state, parent, ignored);
  expect(() => tell(broken, { type: 'blockCut', block: 1 })).toThrow('broken');
  tell(other, { type: 'newestReadingRead', block: 1, storedMs: 5 });
  expect(state.lastReadingAt(10)).toBe(5);
});
