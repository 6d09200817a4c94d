import type { DryRun } from '../api/types.ts';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { spaceName, spaces } from '../live/live-spaces.ts';

type Effect = DryRun['spaces'][number];
type EffectInterval = Effect['intervals'][number];

/** The counts of one space before and after: now, and by hour or day. */
export function SpaceEffect({ effect }: { readonly effect: Effect }) {
  const { space_id: id, before, after, intervals, intervals_left_out: leftOut } = effect;
  const zone = spaces.value.get(id)?.space.value.time_zone;
  return (
    <section class="effect stack" aria-labelledby={`effect-${id}`}>
      <div class="panel-head">
        <h3 id={`effect-${id}`}>{spaceName(id)}</h3>
        <p>
          {messages.insideNow}: <Difference before={before.count} after={after.count} />
        </p>
      </div>
      {intervals.length === 0 ? (
        <p class="hint">{messages.noPastCountChanges}</p>
      ) : (
        <>
          <div class="chart-head">
            <p class="hint">{messages.highest}</p>
            <ul class="legend">
              <li class="is-bar is-now">{messages.now}</li>
              <li class="is-bar is-then">{messages.then}</li>
            </ul>
          </div>
          <Bars intervals={intervals} />
          <div class="table-wrap is-low" tabIndex={0} role="group" aria-labelledby={`effect-${id}`}>
            <table class="data">
              <thead>
                <tr>
                  <th scope="col">{messages.time}</th>
                  <th scope="col">{messages.highest}</th>
                  <th scope="col">{messages.atTheEnd}</th>
                  <th scope="col">{messages.entrances}</th>
                  <th scope="col">{messages.exits}</th>
                  <th scope="col">{messages.state}</th>
                </tr>
              </thead>
              <tbody>
                {intervals.toReversed().map((each) => (
                  <Row key={each.start} interval={each} isDay={effect.interval === '1d'} zone={zone} />
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      {leftOut === 0 ? null : <p class="hint">{messages.leftOut(formatNumber(leftOut))}</p>}
    </section>
  );
}

interface RowProps {
  readonly interval: EffectInterval;
  readonly isDay: boolean;
  readonly zone: string | undefined;
}

function Row({ interval: { start, end, before, after, final }, isDay, zone }: RowProps) {
  return (
    <tr>
      <th scope="row" class="is-nowrap">
        {isDay
          ? formatTime(start, 'date', zone)
          : `${formatTime(start, 'dateTime', zone)} – ${formatTime(end, 'time', zone)}`}
      </th>
      <td>
        <Difference before={before.max} after={after.max} />
      </td>
      <td>
        <Difference before={before.count} after={after.count} />
      </td>
      <td>
        <Difference before={before.entrances} after={after.entrances} />
      </td>
      <td>
        <Difference before={before.exits} after={after.exits} />
      </td>
      <td>{final ? messages.final : messages.provisional}</td>
    </tr>
  );
}

/** One number if nothing changes. */
function Difference({ before, after }: { readonly before: number; readonly after: number }) {
  if (before === after) return <span class="is-same">{formatNumber(before)}</span>;
  return (
    <span class="is-nowrap">
      {formatNumber(before)}
      <span aria-hidden="true"> → </span>
      <span class="visually-hidden"> {messages.becomes} </span>
      <strong>{formatNumber(after)}</strong>
    </span>
  );
}

const [STEP, HEIGHT] = [10, 48];

/** The highest counts, before and after, side by side. The numbers are in the table. */
function Bars({ intervals }: { readonly intervals: readonly EffectInterval[] }) {
  const max = Math.max(1, ...intervals.flatMap(({ before, after }) => [before.max, after.max]));
  const bar = (value: number, x: number, name: string) => {
    const height = (value / max) * HEIGHT;
    return <rect class={name} x={x} y={HEIGHT - height} width={4} height={height} />;
  };
  return (
    <svg
      class="effect-bars"
      aria-hidden="true"
      viewBox={`0 0 ${Math.max(12, intervals.length) * STEP} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {intervals.map(({ start, before, after }, index) => (
        <g key={start}>
          {bar(before.max, index * STEP, 'is-before')}
          {bar(after.max, index * STEP + 4, 'is-after')}
        </g>
      ))}
    </svg>
  );
}
