import type { Ref } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { FloorPlan } from '../api/types.ts';
import { formatPercent } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { centreOf, placeAt, PlanPicture, textOfPoints, type Point } from './plan-picture.tsx';
import type { Drawn, Kind } from './drawing.ts';

export interface Chosen {
  readonly kind: Kind;
  readonly id: number;
}

interface CanvasProps {
  readonly plan: FloorPlan;
  readonly drawn: Drawn;
  readonly chosen: Chosen | undefined;
  readonly nameOf: (kind: Kind, id: number) => string;
  readonly onPoint: (point: Point) => void;
  readonly onUndo: () => void;
}

/** With the shift key the crosshair moves in finer steps. */
const [STEP, FINE_STEP] = [0.02, 0.002];
const MOVES: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The plan while it is drawn on: by clicking, or with a crosshair that the arrow keys move. */
export function Canvas({ plan, drawn, chosen, nameOf, onPoint, onUndo }: CanvasProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [crosshair, setCrosshair] = useState<Point>({ x: 0.5, y: 0.5 });
  const [said, setSaid] = useState('');
  const add = (point: Point): void => {
    if (!chosen) return;
    setCrosshair(point);
    onPoint(point);
    setSaid(messages.pointSet(nameOf(chosen.kind, chosen.id), formatPercent(point.x), formatPercent(point.y)));
  };
  const click = (event: MouseEvent): void => {
    const box = frame.current?.getBoundingClientRect();
    if (box)
      add({ x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) });
  };
  const press = (event: KeyboardEvent): void => {
    const move = MOVES[event.key];
    if (move) {
      const step = event.shiftKey ? FINE_STEP : STEP;
      const moved = { x: within(crosshair.x + move[0] * step), y: within(crosshair.y + move[1] * step) };
      setCrosshair(moved);
      setSaid(messages.crosshairAt(formatPercent(moved.x), formatPercent(moved.y)));
    } else if (event.key === 'Enter' || event.key === ' ') add(crosshair);
    else if (event.key === 'Backspace') onUndo();
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div
        class="plan-canvas"
        role="application"
        aria-label={messages.drawingArea}
        aria-describedby="drawing-hint"
        tabIndex={0}
        onClick={click}
        onKeyDown={press}
      >
        <CanvasPicture {...{ plan, drawn, chosen, nameOf, frame, crosshair }} />
      </div>
      <p class="visually-hidden" role="status">
        {said}
      </p>
    </>
  );
}

interface CanvasPictureProps extends Pick<CanvasProps, 'plan' | 'drawn' | 'chosen' | 'nameOf'> {
  readonly frame: Ref<HTMLDivElement>;
  readonly crosshair: Point;
}

function CanvasPicture({ plan, drawn, chosen, nameOf, frame, crosshair }: CanvasPictureProps) {
  const isChosen = (kind: Kind, id: number): boolean => chosen?.kind === kind && chosen.id === id;
  const corners = chosen?.kind === 'space' ? (drawn.spaces.get(chosen.id) ?? []) : [];
  return (
    <PlanPicture
      plan={plan}
      frame={frame}
      shapes={[...drawn.spaces].map(([id, points]) => (
        <polygon
          key={id}
          class={isChosen('space', id) ? 'plan-space is-chosen' : 'plan-space is-none'}
          points={textOfPoints(points)}
        />
      ))}
    >
      {[...drawn.doorways].map(([id, point]) => (
        <span
          key={`doorway ${id}`}
          class={isChosen('doorway', id) ? 'plan-door is-chosen' : 'plan-door'}
          style={placeAt(point)}
          title={nameOf('doorway', id)}
        />
      ))}
      {[...drawn.spaces].map(([id, points]) => (
        <span key={id} class="plan-label is-none" style={placeAt(centreOf(points))}>
          {nameOf('space', id)}
        </span>
      ))}
      {corners.map((point, index) => (
        <span key={`corner ${index}`} class="plan-corner" style={placeAt(point)} />
      ))}
      <span class="plan-crosshair" style={placeAt(crosshair)} />
    </PlanPicture>
  );
}

const within = (value: number): number => Math.min(1, Math.max(0, value));
