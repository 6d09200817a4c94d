import { useState } from 'preact/hooks';
import { api, pageOf, quoted } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { DeletedReading } from '../api/types.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { PagedList } from '../parts/paged-list.tsx';
import { RowButton } from '../parts/row-button.tsx';
import { RestoreReadingDialog } from './delete-reading-dialog.tsx';

interface DeletedReadingsProps {
  /** Undefined for those of all sensors. */
  readonly dpu?: string;
  readonly zone?: string | undefined;
  readonly version: unknown;
  readonly onDone: (text: string) => void;
}

/** The deleted readings, most recently deleted first, each with a button that restores it. */
export function DeletedReadings({ dpu, zone, version, onDone }: DeletedReadingsProps) {
  const [restored, setRestored] = useState<DeletedReading>();
  const filter = dpu === undefined ? {} : { filter: `dpu_id = ${quoted(dpu)}` };
  return (
    <>
      <PagedList
        id="deleted-readings"
        title={messages.deletedReadings}
        empty={messages.noDeletedReadings}
        load={async (paging) =>
          pageOf(
            api.GET('/deleted-readings', {
              params: { query: { ...paging, ...filter, sort: 'deleted_at', desc: true } },
            }),
          )
        }
        version={version}
      >
        {(readings: readonly DeletedReading[]) => (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{messages.sensor}</th>
                <th scope="col">{messages.time}</th>
                <th scope="col">{messages.reason}</th>
                <th scope="col">{messages.deletedAt}</th>
                <HiddenHeading text={messages.restore} />
              </tr>
            </thead>
            <tbody>
              {readings.map((reading) => (
                <tr key={reading.id}>
                  <th scope="row">{reading.dpu_id}</th>
                  <td class="is-nowrap">{formatTime(reading.timestamp, 'full', zone)}</td>
                  <td>{reading.reason}</td>
                  <td class="is-nowrap">{formatTime(reading.deleted_at, 'dateTime', zone)}</td>
                  <td class="is-number">
                    {may('topology:write') ? (
                      <RowButton text={messages.restore} row={reading.id} onClick={() => setRestored(reading)} />
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </PagedList>
      {restored ? (
        <RestoreReadingDialog reading={restored} zone={zone} onClose={() => setRestored(undefined)} onDone={onDone} />
      ) : null}
    </>
  );
}
