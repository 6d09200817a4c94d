// The demo's building: a lobby on the street, a café and a library off the lobby.
import type { DoorwayId, DpuId, SpaceId } from '../domain/ids.ts';
import type { Author, Doorway, Space } from '../domain/topology.ts';
import type { TopologyService } from '../topology/topology-service.ts';

export interface DemoDoor {
  readonly dpuId: DpuId;
  readonly ingressSpaceId: SpaceId;
  /** Null for the street. */
  readonly egressSpaceId: SpaceId | null;
}

export interface DemoBuilding {
  readonly spaces: readonly Space[];
  readonly doors: readonly DemoDoor[];
  /** False if the building already existed. */
  readonly isNew: boolean;
}

const SPACES = ['Lobby', 'Café', 'Library'] as const;
const DOORS: readonly { name: string; dpu: string; into: string; from: string | null }[] = [
  { name: 'Main entrance', dpu: 'dpu-101', into: 'Lobby', from: null },
  { name: 'Side entrance', dpu: 'dpu-102', into: 'Lobby', from: null },
  { name: 'Café door', dpu: 'dpu-103', into: 'Café', from: 'Lobby' },
  { name: 'Terrace door', dpu: 'dpu-104', into: 'Café', from: null },
  { name: 'Library door', dpu: 'dpu-105', into: 'Library', from: 'Lobby' },
];

/** Registers the missing parts of the building. */
export async function registerBuilding(topology: TopologyService, timeZone: string, by: Author): Promise<DemoBuilding> {
  const view = topology.history.latest();
  const spaces = new Map<string, Space>();
  let isNew = false;
  for (const name of SPACES) {
    let space = view.spaces().find((candidate) => candidate.name === name && !candidate.deleted);
    if (!space) {
      isNew = true;
      const fields = { name, timeZone, dailyReset: '04:00', capacity: 60 };
      space = (await topology.execute({ kind: 'createSpace', fields }, by)).doc as Space;
    }
    spaces.set(name, space);
  }
  const doors: DemoDoor[] = [];
  for (const { name, dpu, into, from } of DOORS) {
    const ingressSpaceId = idOf(spaces, into);
    const egressSpaceId = from === null ? null : idOf(spaces, from);
    let doorway = view.doorways().find((candidate) => candidate.name === name && !candidate.deleted);
    const fields = { name, ingressSpaceId, egressSpaceId };
    doorway ??= (await topology.execute({ kind: 'createDoorway', fields }, by)).doc as Doorway;
    await place(topology, dpu as DpuId, doorway.id, by);
    doors.push({ dpuId: dpu as DpuId, ingressSpaceId, egressSpaceId });
  }
  return { spaces: [...spaces.values()], doors, isNew };
}

async function place(topology: TopologyService, id: DpuId, doorwayId: DoorwayId, by: Author): Promise<void> {
  const dpu = topology.history.latest().dpu(id);
  if (dpu && !dpu.deleted) return;
  await topology.execute({ kind: 'createDpu', id, doorwayId }, by);
}

function idOf(spaces: ReadonlyMap<string, Space>, name: string): SpaceId {
  const space = spaces.get(name);
  if (!space) throw new Error(`the demo has no space ${name}`);
  return space.id;
}
