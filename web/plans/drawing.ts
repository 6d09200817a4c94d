// What is drawn on a floor plan while somebody edits it. Pure: each change gives another drawing.
import type { FloorPlan } from '../api/types.ts';
import type { Point } from './plan-picture.tsx';

export type Kind = 'space' | 'doorway';

export interface Drawn {
  readonly spaces: ReadonlyMap<number, readonly Point[]>;
  readonly doorways: ReadonlyMap<number, Point>;
}

export const CORNERS_MIN = 3;

/** @param isKnown whether it still exists: a plan that names what was deleted is refused */
export function drawnOn({ spaces, doorways }: FloorPlan, isKnown: (kind: Kind, id: number) => boolean): Drawn {
  return {
    spaces: new Map(
      spaces.filter(({ space_id: id }) => isKnown('space', id)).map(({ space_id: id, points }) => [id, points]),
    ),
    doorways: new Map(
      doorways.filter(({ doorway_id: id }) => isKnown('doorway', id)).map(({ doorway_id: id, x, y }) => [id, { x, y }]),
    ),
  };
}

/** Adds a corner to the outline of a space, or moves a doorway there. @param isFirst the corner begins the outline anew */
export function withPoint(drawn: Drawn, kind: Kind, id: number, point: Point, isFirst: boolean): Drawn {
  if (kind === 'doorway') return { ...drawn, doorways: new Map(drawn.doorways).set(id, point) };
  const before = isFirst ? [] : (drawn.spaces.get(id) ?? []);
  return { ...drawn, spaces: new Map(drawn.spaces).set(id, [...before, point]) };
}

/** Removes the last corner, or the doorway. */
export function withoutLast(drawn: Drawn, kind: Kind, id: number): Drawn {
  const points = drawn.spaces.get(id) ?? [];
  if (kind === 'doorway' || points.length <= 1) return without(drawn, kind, id);
  return { ...drawn, spaces: new Map(drawn.spaces).set(id, points.slice(0, -1)) };
}

export function without(drawn: Drawn, kind: Kind, id: number): Drawn {
  const [spaces, doorways] = [new Map(drawn.spaces), new Map(drawn.doorways)];
  (kind === 'space' ? spaces : doorways).delete(id);
  return { spaces, doorways };
}

/** In the form of the API. */
export function bodyOfDrawn({ spaces, doorways }: Drawn): Pick<FloorPlan, 'spaces' | 'doorways'> {
  return {
    spaces: [...spaces].map(([id, points]) => ({ space_id: id, points: points.map(rounded) })),
    doorways: [...doorways].map(([id, point]) => ({ doorway_id: id, ...rounded(point) })),
  };
}

/** Rounds to a ten-thousandth of the image, which is not visible. */
const rounded = ({ x, y }: Point): Point => ({
  x: Math.round(x * 10_000) / 10_000,
  y: Math.round(y * 10_000) / 10_000,
});
