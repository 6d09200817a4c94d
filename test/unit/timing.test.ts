import { expect, it } from 'vitest';
import { yieldEvery } from '../../src/runtime/timing.ts';

it('work in small steps yields after its time budget, not after every step', async () => {
  let nowMs = 0;
  let turns = 0;
  const turn = yieldEvery({ now: () => nowMs, yield: async () => void turns++ }, 4);
  for (let step = 0; step < 12; step++) {
    nowMs += 1;
    await turn();
  }
  expect(turns).toBe(3);
});

it('two pieces of such work run one at a time', async () => {
  let nowMs = 0;
  const open: (() => void)[] = [];
  const turn = yieldEvery({ now: () => nowMs, yield: () => new Promise((resolve) => open.push(resolve)) }, 4);
  nowMs = 5;
  const both = Promise.all([turn(), turn()]);
  await Promise.resolve();
  expect(open).toHaveLength(1);
  open[0]!();
  await expect.poll(() => open.length).toBe(2);
  open[1]!();
  await both;
});
