import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addId, idsUnder, type IdSets } from '../../src/domain/id-sets.ts';

test('each key has the ids that were added to it, each once, in the order of their first addition', () => {
  const additions = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 4 })));
  fc.assert(
    fc.property(additions, (added) => {
      const ids: IdSets<string, number> = new Map();
      for (const [key, id] of added) addId(ids, key, id);
      for (const key of ['a', 'b', 'c', 'd'])
        expect(idsUnder(ids, key)).toEqual([...new Set(added.filter(([its]) => its === key).map(([, id]) => id))]);
    }),
  );
});
