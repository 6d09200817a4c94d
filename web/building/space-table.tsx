import { useState } from 'preact/hooks';
import { api, pageOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { Space } from '../api/types.ts';
import { formatNumber } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { loadSpaces } from '../live/live-spaces.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { linkToSpace } from '../route.ts';
import { SpaceDialog } from './space-dialog.tsx';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

interface SpaceTableProps {
  readonly version: unknown;
  readonly onSaved: (text: string) => void;
}

export function SpaceTable({ version, onSaved }: SpaceTableProps) {
  const [edited, setEdited] = useState<Space | 'new'>();
  const saved = (text: string): void => {
    void loadSpaces();
    onSaved(text);
  };
  return (
    <>
      <PagedList
        id="spaces"
        title={messages.spaces}
        empty={messages.noSpaces}
        actions={
          may('topology:write') ? (
            <button type="button" class="button" onClick={() => setEdited('new')}>
              {messages.addSpace}
            </button>
          ) : null
        }
        load={async (paging) => pageOf(api.GET('/spaces', { params: { query: { ...paging, sort: 'name' } } }))}
        version={version}
      >
        {(spaces: readonly Space[]) => <Rows spaces={spaces} onEdit={setEdited} />}
      </PagedList>
      {edited === undefined ? null : (
        <SpaceDialog
          space={edited === 'new' ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onSaved={saved}
        />
      )}
    </>
  );
}

function Rows({ spaces, onEdit }: { readonly spaces: readonly Space[]; readonly onEdit: (space: Space) => void }) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">{messages.space}</th>
          <th scope="col" class="is-number">
            {messages.capacity}
          </th>
          <th scope="col">{messages.timeZone}</th>
          <th scope="col">{messages.dailyResetShort}</th>
          <HiddenHeading text={messages.edit} />
        </tr>
      </thead>
      <tbody>
        {spaces.map((space) => (
          <tr key={space.id}>
            <th scope="row">
              <a href={linkToSpace(space.id)}>{space.name}</a>
            </th>
            <td class="is-number">{space.capacity === null ? '–' : formatNumber(space.capacity)}</td>
            <td>{space.time_zone}</td>
            <td>{resetOf(space)}</td>
            <td class="is-number">
              {may('topology:write') ? (
                <RowButton text={messages.edit} row={space.name} onClick={() => onEdit(space)} />
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function resetOf({ daily_reset: at, daily_reset_count: count }: Space): string {
  if (at === null) return '–';
  return count === 0 ? at : messages.dailyResetTo(at, formatNumber(count));
}
