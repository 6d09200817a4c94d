import fc from 'fast-check';
import { it } from 'vitest';
import { Fifo } from '../../src/runtime/fifo.ts';

it('a queue has the elements of an array, in order', () => {
  const steps = fc.array(fc.record({ pushed: fc.nat({ max: 2_000 }), shifted: fc.nat({ max: 2_500 }) }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const [queue, array] = [new Fifo(0), [0]];
      let next = 1;
      for (const { pushed, shifted } of all) {
        for (let n = 0; n < pushed; n++, next++) {
          queue.push(next);
          array.push(next);
        }
        for (let n = 0; n < shifted; n++) {
          queue.shift();
          array.shift();
          // A million calls of expect take seconds.
          if (queue.first !== array[0] || queue.isEmpty !== (array.length === 0)) return false;
        }
      }
      return true;
    }),
    { numRuns: 30 },
  );
});
