import type { ComponentChildren, Ref } from 'preact';
import { loadPlanImage } from '../api/floor-plans.ts';
import type { FloorPlan } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { useAnswer } from '../use-answer.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface PlanPictureProps {
  readonly plan: FloorPlan;
  readonly frame?: Ref<HTMLDivElement>;
  /** What is drawn on the image, in an SVG whose sides are 1. */
  readonly shapes: ComponentChildren;
  /** What is placed on it, by percent. */
  readonly children?: ComponentChildren;
}

/** The image of a plan, with what is on it. */
export function PlanPicture({ plan, frame = null, shapes, children }: PlanPictureProps) {
  const image = useAnswer(
    async () => (plan.image ? loadPlanImage(plan.id) : undefined),
    [plan.id, plan.image?.version],
  );
  const { width, height } = plan.image ?? { width: 16, height: 9 };
  return (
    <>
      {image.error === undefined ? null : <p class="problem">{image.error}</p>}
      <div class="plan-frame" ref={frame} style={{ aspectRatio: `${width} / ${height}` }}>
        {plan.image && image.value !== undefined ? (
          <img src={image.value} alt={messages.imageOf(plan.name)} draggable={false} />
        ) : null}
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {shapes}
        </svg>
        {children}
      </div>
    </>
  );
}

export const textOfPoints = (points: readonly Point[]): string => points.map(({ x, y }) => `${x},${y}`).join(' ');
export const placeAt = ({ x, y }: Point): { left: string; top: string } => ({
  left: `${x * 100}%`,
  top: `${y * 100}%`,
});

/** The centre of the area, where a label is in most outlines; for a line, the middle of its corners. */
export function centreOf(points: readonly Point[]): Point {
  let [area, x, y] = [0, 0, 0];
  for (const [index, a] of points.entries()) {
    const b = points[(index + 1) % points.length] ?? a;
    const cross = a.x * b.y - b.x * a.y;
    area += cross;
    x += (a.x + b.x) * cross;
    y += (a.y + b.y) * cross;
  }
  if (Math.abs(area) > 1e-9) return { x: x / (3 * area), y: y / (3 * area) };
  const count = Math.max(1, points.length);
  return {
    x: points.reduce((sum, point) => sum + point.x, 0) / count,
    y: points.reduce((sum, point) => sum + point.y, 0) / count,
  };
}
