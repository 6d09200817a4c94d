import { useState } from 'preact/hooks';
import { api, pageOf, quoted } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { Reading } from '../api/types.ts';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { PagedList } from '../parts/paged-list.tsx';
import { RowButton } from '../parts/row-button.tsx';
import { DeleteReadingDialog } from './delete-reading-dialog.tsx';

interface ReadingListProps {
  readonly dpu: string;
  readonly zone: string;
  readonly version: unknown;
  readonly onDone: (text: string) => void;
}

/** The stored readings of a sensor, the newest first. */
export function ReadingList({ dpu, zone, version, onDone }: ReadingListProps) {
  const [deleted, setDeleted] = useState<Reading>();
  const query = { filter: `dpu_id = ${quoted(dpu)}`, sort: 'timestamp', desc: true } as const;
  return (
    <>
      <PagedList
        id="readings"
        title={messages.readings}
        hint={messages.readingsHint}
        empty={messages.noReadings}
        load={async (paging) => pageOf(api.GET('/readings', { params: { query: { ...paging, ...query } } }))}
        version={version}
      >
        {(readings: readonly Reading[]) => (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{messages.time}</th>
                <th scope="col" class="is-number">
                  {messages.entrances}
                </th>
                <th scope="col" class="is-number">
                  {messages.exits}
                </th>
                <th scope="col">{messages.state}</th>
                <HiddenHeading text={messages.remove} />
              </tr>
            </thead>
            <tbody>
              {readings.map((reading) => (
                <tr key={reading.id}>
                  <th scope="row" class="is-nowrap">
                    {formatTime(reading.timestamp, 'full', zone)}
                  </th>
                  <td class="is-number">{formatNumber(reading.entrances)}</td>
                  <td class="is-number">{formatNumber(reading.exits)}</td>
                  <td>{stateOf(reading)}</td>
                  <td class="is-number">
                    {may('topology:write') && !reading.deleted ? (
                      <RowButton text={messages.remove} row={reading.id} onClick={() => setDeleted(reading)} />
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </PagedList>
      {deleted ? (
        <DeleteReadingDialog reading={deleted} zone={zone} onClose={() => setDeleted(undefined)} onDone={onDone} />
      ) : null}
    </>
  );
}

function stateOf({ deleted, excluded }: Reading): string {
  if (deleted) return messages.attribution.deleted;
  return excluded ? messages.attribution.excluded : messages.attribution.counted;
}
