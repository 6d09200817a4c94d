import { useState } from 'preact/hooks';
import { api, bodyOf, pageOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { Doorway } from '../api/types.ts';
import { DoorwayDialog } from './doorway-dialog.tsx';
import { messages } from '../i18n/i18n.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { leads } from '../live/doorway-names.ts';
import { FlipDialog } from './flip-dialog.tsx';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

interface Row {
  readonly doorway: Doorway;
  readonly sensors: readonly string[];
}

interface DoorwayTableProps {
  readonly version: unknown;
  readonly onDone: (text: string) => void;
}

type Opened =
  { readonly what: 'form'; readonly doorway?: Doorway } | { readonly what: 'flip'; readonly doorway: Doorway };

export function DoorwayTable({ version, onDone }: DoorwayTableProps) {
  const [opened, setOpened] = useState<Opened>();
  const close = (): void => setOpened(undefined);
  return (
    <>
      <PagedList
        id="doorways"
        title={messages.doorways}
        empty={messages.noDoorways}
        actions={
          may('topology:write') ? (
            <button type="button" class="button" onClick={() => setOpened({ what: 'form' })}>
              {messages.addDoorway}
            </button>
          ) : null
        }
        load={loadRows}
        version={version}
      >
        {(rows: readonly Row[]) => <Rows rows={rows} onOpen={setOpened} />}
      </PagedList>
      {opened?.what === 'form' ? <DoorwayDialog doorway={opened.doorway} onClose={close} onSaved={onDone} /> : null}
      {opened?.what === 'flip' ? <FlipDialog doorway={opened.doorway} onClose={close} onDone={onDone} /> : null}
    </>
  );
}

function Rows({ rows, onOpen }: { readonly rows: readonly Row[]; readonly onOpen: (what: Opened) => void }) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">{messages.doorway}</th>
          <th scope="col">{messages.leads}</th>
          <th scope="col">{messages.sensors}</th>
          <HiddenHeading text={messages.edit} />
        </tr>
      </thead>
      <tbody>
        {rows.map(({ doorway, sensors }) => (
          <tr key={doorway.id}>
            <th scope="row">{doorway.name}</th>
            <td>{leads(doorway)}</td>
            <td>{sensors.length === 0 ? '–' : sensors.join(', ')}</td>
            <td class="is-number is-nowrap">
              {may('topology:write') ? (
                <>
                  <RowButton
                    text={messages.flip}
                    row={doorway.name}
                    onClick={() => onOpen({ what: 'flip', doorway })}
                  />{' '}
                  <RowButton
                    text={messages.edit}
                    row={doorway.name}
                    onClick={() => onOpen({ what: 'form', doorway })}
                  />
                </>
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

async function loadRows(paging: { limit: number; offset: number }) {
  const { items, total } = await pageOf(api.GET('/doorways', { params: { query: { ...paging, sort: 'name' } } }));
  if (items.length === 0) return { items: [], total };
  const filter = `doorway_id in (${items.map(({ id }) => id).join(', ')})`;
  const sensors = await bodyOf(api.GET('/dpus', { params: { query: { filter, limit: 1_000 } } }));
  const rows = items.map((doorway) => ({
    doorway,
    sensors: sensors.filter(({ doorway_id: at }) => at === doorway.id).map(({ id }) => id),
  }));
  return { items: rows, total };
}
