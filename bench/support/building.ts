// Spaces, doorways and DPUs, through the API.
import { request } from '../../test/support/local-service.ts';

/** @returns the id of the new space or doorway */
export async function create(api: string, path: string, body: object): Promise<number> {
  const answer = await request(`${api}${path}`, 'POST', body);
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body as { id: number }).id;
}

/**
 * Creates spaces, and for each DPU its own doorway from outside into one of them, round robin. @returns the space of
 * each DPU
 */
export async function raiseBuilding(api: string, spaces: number, dpuIds: readonly string[]): Promise<number[]> {
  const spaceIds: number[] = [];
  for (let n = 0; n < spaces; n++) spaceIds.push(await create(api, '/spaces', { name: `space of ${dpuIds[n] ?? n}` }));
  for (const [n, id] of dpuIds.entries()) {
    const doorwayId = await create(api, '/doorways', {
      name: `doorway of ${id}`,
      ingress_space_id: spaceIds[n % spaces] ?? null,
      egress_space_id: null,
    });
    await create(api, '/dpus', { id, doorway_id: doorwayId });
  }
  return spaceIds;
}
