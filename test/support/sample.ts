// The 563 real readings of test/data/dpu_data.csv, and the building they come from.
import { fileURLToPath } from 'node:url';
import type { Answer } from './local-service.ts';

export const SAMPLE_CSV = fileURLToPath(new URL('../data/dpu_data.csv', import.meta.url));

/** The counts of the 563 readings, 33 of which are duplicates. */
export const EXPECTED = {
  A: { net: -2, count: 4, entrances: 264, exits: 266, highest: 18 },
  B: { net: 8, count: 9, entrances: 23, exits: 15 },
};

export const SAMPLE_ROWS = 563;
const DISTINCT = 530;

/** The account after the readings were sent, some of them several times; without the comparison with ClickHouse. */
export function sampleAccount(accepted = SAMPLE_ROWS): object {
  return {
    accepted,
    applied: DISTINCT,
    duplicate: accepted - DISTINCT,
    held: 0,
    excluded: 0,
    deleted: 0,
    dead_lettered: 0,
    dead_letters: {},
    dead_letters_evicted: {},
    remainder: 0,
    losses: [],
  };
}

type Send = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Spaces A (1) and B (2), doorway X into A from outside with DPU 283, doorway Z from B into A with DPU 423. */
export async function raiseSampleBuilding(send: Send): Promise<{ a: number; b: number }> {
  const create = async (path: string, body: object): Promise<number> =>
    ((await send('POST', path, body)).body as { id: number }).id;
  const a = await create('/spaces', { name: 'A' });
  const b = await create('/spaces', { name: 'B' });
  const x = await create('/doorways', { name: 'X', ingress_space_id: a, egress_space_id: null });
  const z = await create('/doorways', { name: 'Z', ingress_space_id: a, egress_space_id: b });
  await create('/dpus', { id: '283', doorway_id: x });
  await create('/dpus', { id: '423', doorway_id: z });
  return { a, b };
}
