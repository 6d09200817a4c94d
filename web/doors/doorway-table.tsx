import { api, bodyOf, pageOf } from '../api/client.ts';
import type { Doorway } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { leads } from './doorway-names.ts';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

interface Row {
  readonly doorway: Doorway;
  readonly sensors: readonly string[];
}

interface DoorwayTableProps {
  readonly version: unknown;
  /** Undefined if the token may not change doorways. */
  readonly onEdit: ((doorway: Doorway | undefined) => void) | undefined;
}

export function DoorwayTable({ version, onEdit }: DoorwayTableProps) {
  return (
    <PagedList
      id="doorways"
      title={messages.doorways}
      empty={messages.noDoorways}
      actions={
        onEdit ? (
          <button type="button" class="button" onClick={() => onEdit(undefined)}>
            {messages.addDoorway}
          </button>
        ) : null
      }
      load={loadRows}
      version={version}
    >
      {(rows: readonly Row[]) => (
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
                <td class="is-number">
                  {onEdit ? (
                    <RowButton text={messages.edit} row={doorway.name} onClick={() => onEdit(doorway)} />
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </PagedList>
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
