// Short versions of `npm run chaos`.
import { expect, it } from 'vitest';
import { chaos } from './chaos.ts';

const SHORT = { kills: 6, readingsPerSecond: 200, printLine: () => undefined };

it('C1 after processes were killed and suspended at any moment, no count differs, and no loss is reported', async () => {
  const { differences, kills, losses, compared } = await chaos({ ...SHORT, seed: 7, damages: 0 });
  expect(differences).toEqual([]);
  expect(Object.values(kills).reduce((sum, n) => sum + n, 0)).toBe(SHORT.kills);
  expect(losses).toBe(0);
  expect(compared).toBeGreaterThan(1_000);
}, 600_000);

it("C1 after nats-server's files were damaged as well, the counts are those of the readings that still exist", async () => {
  // The ends of all streams are cut off after nearly everything was sent and counted.
  const { differences, damages, losses } = await chaos({ ...SHORT, seed: 15, damages: 1 });
  expect(differences).toEqual([]);
  expect(damages).toBe(1);
  expect(losses).toBeGreaterThan(0);
}, 600_000);
