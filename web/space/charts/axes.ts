// What the charts of a space have in common: the axis of time in the zone of the space, and zooming.
import uPlot from 'uplot';
import { formatNumber, formatTime } from '../../i18n/format.ts';
import { hourIn } from '../../i18n/zoned-time.ts';
import type { Span } from '../../span.ts';
import { cssColor } from './css-color.ts';

const FONT = '12px system-ui, sans-serif';
const DAY_S = 86_400;
/** The same for all charts, so that their times are below each other. */
const VALUES_WIDTH = 44;
const DRAG_MIN_PX = 8;
const SPAN_MIN_MS = 60_000;

export interface SharedOptions {
  readonly zone: string;
  readonly span: Span;
  readonly onZoom: (span: Span) => void;
  /** @param index of the value below the pointer */
  readonly onPoint: (index: number | undefined) => void;
}

const look = { stroke: () => cssColor('--muted'), font: FONT, grid: { stroke: () => cssColor('--grid'), width: 1 } };

export function sharedOptions({ zone, span: { fromMs, toMs }, onZoom, onPoint }: SharedOptions) {
  return {
    legend: { show: false },
    tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1_000), zone),
    cursor: {
      drag: { x: true, y: false, setScale: false },
      sync: { key: 'space' },
      points: { size: 8 },
      y: false,
    },
    axes: [
      {
        ...look,
        ticks: { show: false },
        size: 32,
        values: (_: uPlot, seconds: number[], __: number, ___: number, step: number) =>
          seconds.map((at) => timeLabel(at * 1_000, step, zone)),
      },
      {
        ...look,
        ticks: { show: false },
        size: VALUES_WIDTH,
        space: 24,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000],
        values: (_: uPlot, values: number[]) => values.map((value) => formatNumber(Math.abs(value))),
      },
    ],
    hooks: {
      setSelect: [
        (plot: uPlot) => {
          const { left, width } = plot.select;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (width < DRAG_MIN_PX) return;
          const [from, to] = [left, left + width].map((x) => plot.posToVal(x, 'x') * 1_000);
          if (from !== undefined && to !== undefined && to - from >= SPAN_MIN_MS)
            onZoom({ fromMs: Math.round(from), toMs: Math.round(to) });
        },
      ],
      setCursor: [(plot: uPlot) => onPoint(plot.cursor.idx ?? undefined)],
    },
    xRange: (): uPlot.Range.MinMax => [fromMs / 1_000, toMs / 1_000],
  };
}

function timeLabel(ms: number, step: number, zone: string): string {
  const isDay = step >= DAY_S || (hourIn(zone, ms) === 0 && formatTime(ms, 'time', zone).includes('00'));
  return formatTime(ms, isDay && step >= 3_600 ? 'day' : 'time', zone);
}
