// What a change would do: which readings it corrects, and the counts before and after.
import { loadDoorways } from '../api/topology.ts';
import type { Doorway, DryRun } from '../api/types.ts';
import { doorwayName, leads, zoneOf } from '../live/doorway-names.ts';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { useAnswer } from '../use-answer.ts';
import { SpaceEffect } from './space-effect.tsx';

type Correction = DryRun['corrections'][number];

export function Effect({ dryRun: { readings, corrections, spaces } }: { readonly dryRun: DryRun }) {
  return (
    <>
      <p>
        {readings === 0 ? messages.noReadingCorrected : messages.readingsCorrected(readings, formatNumber(readings))}
      </p>
      {corrections.length === 0 ? null : <CorrectedReadings corrections={corrections} />}
      {spaces.length === 0 ? <p>{messages.noCountChanges}</p> : null}
      {spaces.map((space) => (
        <SpaceEffect key={space.space_id} effect={space} />
      ))}
    </>
  );
}

function CorrectedReadings({ corrections }: { readonly corrections: readonly Correction[] }) {
  const doorways = useAnswer(loadDoorways, []).value;
  return (
    <div class="table-wrap is-low" tabIndex={0} role="group" aria-label={messages.correctedReadings}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{messages.sensor}</th>
            <th scope="col" class="is-number">
              {messages.readings}
            </th>
            <th scope="col">{messages.span}</th>
            <th scope="col">{messages.countNow}</th>
            <th scope="col">{messages.countThen}</th>
          </tr>
        </thead>
        <tbody>
          {corrections.map((each, index) => (
            <tr key={index}>
              <th scope="row">{each.dpu_id}</th>
              <td class="is-number">{formatNumber(each.readings)}</td>
              <td>{spanOf(each)}</td>
              <td>{placeOf(each.from, doorways)}</td>
              <td>{placeOf(each.to, doorways)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** In the zone of the space where the readings count, or would. */
function spanOf({ first_reading_at: first, last_reading_at: last, from, to }: Correction): string {
  const zone = zoneOf(from) ?? zoneOf(to);
  return `${formatTime(first, 'dateTime', zone)} – ${formatTime(last, 'dateTime', zone)}`;
}

function placeOf(at: Correction['from'], doorways: ReadonlyMap<number, Doorway> | undefined): string {
  if (at.state !== 'counted') return messages.attribution[at.state];
  return `${doorwayName(doorways, at.doorway_id)} (${leads(at)})`;
}
