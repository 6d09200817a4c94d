import type { Space } from '../api/types.ts';
import { formatShort, weekdayNames } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { DAY_MS } from '../i18n/zoned-time.ts';
import { Notice } from '../parts/notice.tsx';
import { useAnswer } from '../use-answer.ts';
import { busiestHours } from './busiest-hours.ts';
import { loadIntervals } from './history.ts';

const FOUR_WEEKS_MS = 28 * DAY_MS;
/** Above this share of the highest value the colour is so strong that the text must be light. */
const HOT = 0.6;
const [SHORT, LONG] = [weekdayNames('short'), weekdayNames('long')];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

export function HeatMap({ space }: { readonly space: Space }) {
  const answer = useAnswer(async () => {
    const toMs = Date.now();
    const hours = await loadIntervals(space.id, { fromMs: toMs - FOUR_WEEKS_MS, toMs }, '1h');
    return busiestHours(hours, space.time_zone);
  }, [space.id, space.time_zone]);
  const highest = Math.max(1, ...(answer.value ?? []).flat().map((value) => value ?? 0));
  return (
    <section class="panel" aria-labelledby="heat-title">
      <h2 id="heat-title">{messages.heatMap}</h2>
      <p class="hint">{messages.heatMapHint}</p>
      {answer.error === undefined ? null : <Notice text={answer.error} onRetry={answer.reload} />}
      {answer.value ? (
        <div class="heat" tabIndex={0} role="group" aria-labelledby="heat-title">
          <table>
            <thead>
              <tr>
                <td />
                {HOURS.map((hour) => (
                  <th key={hour} scope="col">
                    {hour}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {answer.value.map((day, weekday) => (
                <tr key={weekday}>
                  <th scope="row">
                    <abbr title={LONG[weekday]}>{SHORT[weekday]}</abbr>
                  </th>
                  {day.map((value, hour) => (
                    <Cell key={hour} value={value} highest={highest} />
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

function Cell({ value, highest }: { readonly value: number | undefined; readonly highest: number }) {
  if (value === undefined)
    return (
      <td>
        <span class="visually-hidden">{messages.noData}</span>
      </td>
    );
  const share = value / highest;
  return (
    <td class={share > HOT ? 'is-hot' : undefined} style={{ '--heat': `${Math.round(share * 100)}%` }}>
      {formatShort(value)}
    </td>
  );
}
