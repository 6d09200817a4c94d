import { useState } from 'preact/hooks';
import { api, pageOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { UnplacedDpu } from '../api/types.ts';
import { formatAgo, formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { nowMs } from '../now.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { MessagesButton } from './messages-button.tsx';
import { PlaceDialog } from './place-dialog.tsx';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

interface UnplacedSensorsProps {
  readonly version: unknown;
  readonly onPlaced: (text: string) => void;
}

export function UnplacedSensors({ version, onPlaced }: UnplacedSensorsProps) {
  const [chosen, setChosen] = useState<UnplacedDpu>();
  return (
    <>
      <PagedList
        id="unplaced"
        title={messages.unplaced}
        hint={messages.unplacedHint}
        empty={messages.noUnplaced}
        load={async (paging) => pageOf(api.GET('/unplaced-dpus', { params: { query: paging } }))}
        version={version}
      >
        {(dpus: readonly UnplacedDpu[]) => (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{messages.sensor}</th>
                <th scope="col">{messages.device}</th>
                <th scope="col" class="is-number">
                  {messages.held}
                </th>
                <th scope="col">{messages.firstHeard}</th>
                <th scope="col">{messages.lastHeard}</th>
                <HiddenHeading text={messages.place} />
              </tr>
            </thead>
            <tbody>
              {dpus.map((dpu) => (
                <tr key={dpu.id}>
                  <th scope="row">{dpu.id}</th>
                  <td>{dpu.adapter === null ? dpu.device : `${dpu.device} (${dpu.adapter})`}</td>
                  <td class="is-number">{formatNumber(dpu.held)}</td>
                  <td>{formatTime(dpu.first_reading_at, 'dateTime')}</td>
                  <td>{formatAgo(dpu.last_reading_at, nowMs.value)}</td>
                  <td class="is-number is-nowrap">
                    <MessagesButton dpu={dpu.id} />{' '}
                    {may('topology:write') ? (
                      <RowButton text={messages.place} row={dpu.id} onClick={() => setChosen(dpu)} />
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </PagedList>
      {chosen ? (
        <PlaceDialog
          dpu={chosen.id}
          isRegistered={chosen.registered}
          firstReadingAt={chosen.first_reading_at}
          onClose={() => setChosen(undefined)}
          onDone={onPlaced}
        />
      ) : null}
    </>
  );
}
