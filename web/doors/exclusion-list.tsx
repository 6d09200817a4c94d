import { useState } from 'preact/hooks';
import { api, pageOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { Exclusion } from '../api/types.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { PagedList } from '../parts/paged-list.tsx';
import { RowButton } from '../parts/row-button.tsx';
import { ExcludeDialog, IncludeDialog } from './exclude-dialog.tsx';

interface ExclusionListProps {
  readonly dpu: string;
  readonly zone: string;
  readonly version: unknown;
  readonly onDone: (text: string) => void;
}

/** The spans of a sensor in which its readings do not count. */
export function ExclusionList({ dpu, zone, version, onDone }: ExclusionListProps) {
  const [opened, setOpened] = useState<Exclusion | 'new'>();
  const dialog = { dpu, zone, onDone, onClose: () => setOpened(undefined) };
  return (
    <>
      <PagedList
        id="exclusions"
        title={messages.exclusions}
        hint={messages.exclusionsHint}
        empty={messages.noExclusions}
        actions={
          may('topology:write') ? (
            <button type="button" class="button" onClick={() => setOpened('new')}>
              {messages.exclude}
            </button>
          ) : null
        }
        load={async (query) =>
          pageOf(
            api.GET('/dpus/{id}/exclusions', {
              params: { path: { id: dpu }, query: { ...query, sort: 'from', desc: true } },
            }),
          )
        }
        version={version}
      >
        {(exclusions: readonly Exclusion[]) => (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{messages.from}</th>
                <th scope="col">{messages.to}</th>
                <th scope="col">{messages.reason}</th>
                <HiddenHeading text={messages.remove} />
              </tr>
            </thead>
            <tbody>
              {exclusions.map((exclusion) => (
                <tr key={exclusion.id}>
                  <th scope="row">{formatTime(exclusion.from, 'dateTime', zone)}</th>
                  <td>{formatTime(exclusion.to, 'dateTime', zone)}</td>
                  <td>{exclusion.reason}</td>
                  <td class="is-number">
                    {may('topology:write') ? (
                      <RowButton text={messages.remove} row={exclusion.reason} onClick={() => setOpened(exclusion)} />
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </PagedList>
      {opened === 'new' ? <ExcludeDialog {...dialog} /> : null}
      {opened !== undefined && opened !== 'new' ? <IncludeDialog {...dialog} exclusion={opened} /> : null}
    </>
  );
}
