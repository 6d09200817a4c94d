import { useMemo } from 'preact/hooks';
import uPlot from 'uplot';
import { messages } from '../../i18n/i18n.ts';
import type { History } from '../history.ts';
import { sharedOptions, type SharedOptions } from './axes.ts';
import { cssColor } from './css-color.ts';
import { Plot } from './plot.tsx';

interface FlowChartProps {
  readonly history: History;
  readonly shared: SharedOptions;
  readonly label: string;
}

const HEIGHT = 190;
const bars = uPlot.paths.bars?.({ size: [0.8, 24, 1] });

/** Entrances above the line, exits below it. */
export function FlowChart({ history, shared, label }: FlowChartProps) {
  const data = useMemo(() => dataOf(history), [history]);
  const options = useMemo(() => optionsOf(shared), [shared]);
  return <Plot options={options} data={data} label={label} />;
}

function dataOf({ intervals }: History): uPlot.AlignedData {
  return [
    intervals.map(({ start, end }) => (Date.parse(start) + Date.parse(end)) / 2_000),
    intervals.map(({ entrances }) => entrances),
    intervals.map(({ exits }) => -exits),
  ];
}

function optionsOf(shared: SharedOptions) {
  const { xRange, ...common } = sharedOptions(shared);
  const bar = (label: string, color: string): uPlot.Series => ({
    label,
    fill: () => cssColor(color),
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  });
  return {
    ...common,
    height: HEIGHT,
    scales: {
      x: { time: true, range: xRange },
      y: {
        range: (_: uPlot, min: number, max: number): uPlot.Range.MinMax => {
          const highest = Math.max(2, Math.abs(min) || 0, Math.abs(max) || 0) * 1.1;
          return [-highest, highest];
        },
      },
    },
    series: [{}, bar(messages.entrances, '--in'), bar(messages.exits, '--out')],
  };
}
