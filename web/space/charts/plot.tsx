// uPlot as a component: it follows the width of its place and the colour scheme.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

interface PlotProps {
  /** Another object makes a new chart, so it must be kept by `useMemo`. */
  readonly options: Omit<uPlot.Options, 'width'>;
  readonly data: uPlot.AlignedData;
  /** What the chart shows, for those who cannot see it. */
  readonly label: string;
}

export function Plot({ options, data, label }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    const made = new uPlot({ ...options, width: host.clientWidth }, latest.current, host);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height: options.height }));
    resized.observe(host);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => made.redraw(false, true);
    scheme.addEventListener('change', redraw);
    return () => {
      scheme.removeEventListener('change', redraw);
      resized.disconnect();
      made.destroy();
    };
  }, [options]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={place} class="chart" role="img" aria-label={label} />;
}
