// A small curve without axes. Screen readers skip it: the numbers are beside it.

const [WIDTH, HEIGHT] = [120, 32];

export function Sparkline({ values }: { readonly values: readonly number[] }) {
  if (values.length < 2) return <svg class="sparkline" aria-hidden="true" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} />;
  const max = Math.max(1, ...values);
  const points = values.map(
    (value, index) => [(index / (values.length - 1)) * WIDTH, HEIGHT - 2 - (value / max) * (HEIGHT - 4)] as const,
  );
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  return (
    <svg class="sparkline" aria-hidden="true" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
      <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
      <polyline points={line} />
    </svg>
  );
}
