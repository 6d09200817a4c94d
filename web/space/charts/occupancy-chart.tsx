import { useMemo } from 'preact/hooks';
import uPlot from 'uplot';
import { messages } from '../../i18n/i18n.ts';
import type { Correction } from '../../live/live-event.ts';
import type { History } from '../history.ts';
import { sharedOptions, type SharedOptions } from './axes.ts';
import { cssColor } from './css-color.ts';
import { Plot } from './plot.tsx';

interface OccupancyChartProps {
  readonly history: History;
  readonly shared: SharedOptions;
  readonly capacity: number | null;
  /** Final counts of these times have changed. */
  readonly corrections: readonly Correction[];
  /** The live count, if the span includes now. */
  readonly now: { readonly atMs: number; readonly count: number } | undefined;
  readonly label: string;
}

const HEIGHT = 280;
/** A capacity far above the curve would flatten it. */
const CAPACITY_SHOWN_MAX = 2;
const joined = uPlot.paths.linear?.();

export function OccupancyChart({ history, shared, capacity, corrections, now, label }: OccupancyChartProps) {
  const data = useMemo(() => dataOf(history, now), [history, now]);
  const { resets, moves } = history;
  const options = useMemo(
    () => optionsOf(shared, { capacity, resets, moves, corrections }),
    [shared, capacity, resets, moves, corrections],
  );
  return <Plot options={options} data={data} label={label} />;
}

/** Times, then the final part, the provisional part and the week before. */
function dataOf({ intervals, before = [], span }: History, now: OccupancyChartProps['now']): uPlot.AlignedData {
  const points = new Map<number, { final: number | null; provisional: number | null; before: number | null }>();
  const at = (ms: number) => {
    const known = points.get(ms) ?? { final: null, provisional: null, before: null };
    points.set(ms, known);
    return known;
  };
  const values = intervals.map(({ end, count, final }) => ({ atMs: Date.parse(end), count, final }));
  // The last interval has not ended yet.
  const last = values.at(-1);
  if (now && last && last.atMs > now.atMs) values.pop();
  if (now && last) values.push({ ...now, final: false });
  values.forEach(({ atMs, count, final }, index) => {
    if (final) at(atMs).final = count;
    // The provisional part begins where the final part ends, so that the curve has no gap.
    if (!final || values[index + 1]?.final === false) at(atMs).provisional = count;
  });
  for (const { endMs, count } of before) if (endMs <= span.toMs) at(endMs).before = count;
  const sorted = [...points].sort(([a], [b]) => a - b);
  return [
    sorted.map(([ms]) => ms / 1_000),
    sorted.map(([, { final }]) => final),
    sorted.map(([, { provisional }]) => provisional),
    sorted.map(([, { before: count }]) => count),
  ];
}

type Marks = Pick<OccupancyChartProps, 'capacity' | 'corrections'> & Pick<History, 'resets' | 'moves'>;

function optionsOf(shared: SharedOptions, marks: Marks) {
  const { capacity } = marks;
  const { xRange, ...common } = sharedOptions(shared);
  const line = (extra: Partial<uPlot.Series>): uPlot.Series => ({
    points: { show: false },
    spanGaps: true,
    ...(joined ? { paths: joined } : {}),
    ...extra,
  });
  const accent = (): string => cssColor('--accent');
  return {
    ...common,
    height: HEIGHT,
    scales: {
      x: { time: true, range: xRange },
      y: { range: (_: uPlot, __: number, max: number): uPlot.Range.MinMax => [0, topOf(max, capacity)] },
    },
    series: [
      {},
      line({ label: messages.final, stroke: accent, width: 2, fill: () => `${accent()}22` }),
      line({ label: messages.provisional, stroke: accent, width: 2, dash: [2, 4] }),
      line({ label: messages.weekBefore, stroke: () => cssColor('--muted'), width: 1.25 }),
    ],
    hooks: { ...common.hooks, draw: [(plot: uPlot) => drawMarks(plot, marks)] },
  };
}

function topOf(max: number, capacity: number | null): number {
  const highest = Math.max(4, Number.isFinite(max) ? max : 0);
  const isCapacityShown = capacity !== null && capacity <= highest * CAPACITY_SHOWN_MAX;
  return Math.ceil(Math.max(highest, isCapacityShown ? capacity : 0) * 1.12);
}

function drawMarks(plot: uPlot, { capacity, resets, moves, corrections }: Marks): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const line = (from: [number, number], to: [number, number], color: string, dash: readonly number[]): void => {
    ctx.beginPath();
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash(dash.map((each) => each * ratio));
    ctx.moveTo(...from);
    ctx.lineTo(...to);
    ctx.stroke();
  };
  ctx.save();
  const [left, top, right, bottom] = [bbox.left, bbox.top, bbox.left + bbox.width, bbox.top + bbox.height];
  if (capacity !== null && capacity <= (plot.scales['y']?.max ?? 0)) {
    const y = plot.valToPos(capacity, 'y', true);
    line([left, y], [right, y], cssColor('--bad-fill'), []);
  }
  const upright = (ms: number, color: string, dash: readonly number[]): void => {
    const x = plot.valToPos(ms / 1_000, 'x', true);
    if (x >= left && x <= right) line([x, top], [x, bottom], color, dash);
  };
  for (const { atMs } of resets) upright(atMs, cssColor('--warn-fill'), [4, 4]);
  for (const { atMs } of moves) upright(atMs, cssColor('--muted'), [8, 3]);
  for (const { from } of corrections) upright(Date.parse(from), cssColor('--out'), [1, 3]);
  ctx.restore();
}
