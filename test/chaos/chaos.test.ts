// The short form of `npm run chaos`.
import { expect, it } from 'vitest';
import { chaos } from './chaos.ts';

it('C1 the service, the nats-server and ClickHouse are killed in turn, and no count differs', async () => {
  const { differences, kills, compared } = await chaos({ seed: 7, readings: 3_000, kills: 3, say: () => undefined });
  expect(differences).toEqual([]);
  expect(kills).toEqual({ service: 1, 'nats-server': 1, clickhouse: 1 });
  expect(compared).toBeGreaterThan(3_000);
}, 300_000);
