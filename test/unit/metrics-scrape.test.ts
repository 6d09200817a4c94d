// Several scrapes at the same time.
import { expect, test } from 'vitest';
import { Metrics } from '../../src/metrics.ts';

test('concurrent scrapes observe the shards once', async () => {
  const metrics = new Metrics();
  let looks = 0;
  metrics.watchShards(1, async () => {
    looks += 1;
    await Promise.resolve();
    return [];
  });
  const [one, other] = await Promise.all([metrics.render(), metrics.render()]);
  expect(looks).toBe(1);
  expect([one, other].every((text) => text.includes('density_shards 1'))).toBe(true);
  await metrics.render();
  expect(looks).toBe(2);
});
