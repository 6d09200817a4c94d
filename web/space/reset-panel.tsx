import { useState } from 'preact/hooks';
import { api, pageOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { Reset, Space } from '../api/types.ts';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { DoneNote, useDone } from '../parts/done-note.tsx';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { PagedList } from '../parts/paged-list.tsx';
import { RowButton } from '../parts/row-button.tsx';
import { DeleteResetDialog, ResetDialog } from './reset-dialog.tsx';

type Opened = { readonly what: 'form'; readonly reset?: Reset } | { readonly what: 'delete'; readonly reset: Reset };

/** The resets that people recorded, the newest first. */
export function ResetPanel({ space }: { readonly space: Space }) {
  const [done, onDone] = useDone();
  const [opened, setOpened] = useState<Opened>();
  const dialog = { space, onDone, onClose: () => setOpened(undefined) };
  return (
    <div class="stack">
      <PagedList
        id="resets"
        title={messages.resets}
        hint={messages.resetsHint}
        empty={messages.noResets}
        actions={
          may('topology:write') ? (
            <button type="button" class="button" onClick={() => setOpened({ what: 'form' })}>
              {messages.addReset}
            </button>
          ) : null
        }
        load={async (query) =>
          pageOf(
            api.GET('/spaces/{id}/resets', {
              params: { path: { id: space.id }, query: { ...query, sort: 'timestamp', desc: true } },
            }),
          )
        }
        version={`${space.id} ${done.length}`}
      >
        {(resets: readonly Reset[]) => <Rows space={space} resets={resets} onOpen={setOpened} />}
      </PagedList>
      <DoneNote done={done} />
      {opened?.what === 'form' ? <ResetDialog {...dialog} reset={opened.reset} /> : null}
      {opened?.what === 'delete' ? <DeleteResetDialog {...dialog} reset={opened.reset} /> : null}
    </div>
  );
}

interface RowsProps {
  readonly space: Space;
  readonly resets: readonly Reset[];
  readonly onOpen: (what: Opened) => void;
}

function Rows({ space: { time_zone: zone }, resets, onOpen }: RowsProps) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">{messages.time}</th>
          <th scope="col" class="is-number">
            {messages.resetCount}
          </th>
          <th scope="col">{messages.recordedAt}</th>
          <HiddenHeading text={messages.edit} />
        </tr>
      </thead>
      <tbody>
        {resets.map((reset) => {
          const at = formatTime(reset.timestamp, 'full', zone);
          return (
            <tr key={reset.id}>
              <th scope="row">{at}</th>
              <td class="is-number">{formatNumber(reset.count)}</td>
              <td>{formatTime(reset.recorded_at, 'dateTime', zone)}</td>
              <td class="is-number is-nowrap">
                {may('topology:write') ? (
                  <>
                    <RowButton text={messages.edit} row={at} onClick={() => onOpen({ what: 'form', reset })} />{' '}
                    <RowButton text={messages.remove} row={at} onClick={() => onOpen({ what: 'delete', reset })} />
                  </>
                ) : null}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
