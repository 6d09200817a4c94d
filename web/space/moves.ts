// When sensors came to the doorways of a space, and left them.
import { allPages, api, bodyOf } from '../api/client.ts';
import { loadDoorwaysOf } from '../api/topology.ts';
import { doorwayName } from '../live/doorway-names.ts';
import type { Span } from '../span.ts';

export interface MoveMark {
  readonly atMs: number;
  readonly dpu: string;
  readonly doorway: string;
  readonly isArrival: boolean;
}

/** @returns the moves in a span, oldest first */
export async function loadMoves(id: number, { fromMs, toMs }: Span): Promise<MoveMark[]> {
  const [from, to] = [fromMs, toMs].map((ms) => `'${new Date(ms).toISOString()}'`);
  const filter = `(from >= ${from} and from < ${to}) or (to >= ${from} and to < ${to})`;
  const placements = await allPages(async (paging) => {
    const answer = await api.GET('/spaces/{id}/placements', { params: { path: { id }, query: { ...paging, filter } } });
    // During an upgrade, a process of an earlier version may answer, which does not have this list.
    return answer.response.status === 404 ? [] : bodyOf(Promise.resolve(answer));
  });
  if (placements.length === 0) return [];
  const doorways = await loadDoorwaysOf(id);
  const ends = placements.flatMap(({ dpu_id: dpu, doorway_id: doorwayId, from: begin, to: end }) => {
    const doorway = doorwayName(doorways, doorwayId);
    return [
      { at: begin, dpu, doorway, isArrival: true },
      { at: end, dpu, doorway, isArrival: false },
    ];
  });
  return ends
    .flatMap(({ at, ...move }) => (at === null ? [] : [{ ...move, atMs: Date.parse(at) }]))
    .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
    .sort((a, b) => a.atMs - b.atMs || Number(a.isArrival) - Number(b.isArrival));
}
