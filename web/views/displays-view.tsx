import { useState } from 'preact/hooks';
import { api, pageOf } from '../api/client.ts';
import { may, session } from '../api/session.ts';
import type { DisplayScreen } from '../api/types.ts';
import { displayTitle } from '../displays/display-title.ts';
import { PairDialog } from '../displays/pair-dialog.tsx';
import { RemoveDialog } from '../displays/remove-dialog.tsx';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { spaceName } from '../live/live-spaces.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { linkToDisplay } from '../route.ts';
import { DoneNote, useDone } from '../parts/done-note.tsx';
import { useTitle } from '../use-title.ts';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

export function DisplaysView() {
  useTitle(messages.displays);
  const [isPairing, setPairing] = useState(false);
  const [removed, setRemoved] = useState<DisplayScreen>();
  const [done, onDone] = useDone();
  const isOpen = session.value.kind === 'signed-in' && session.value.name === null;
  return (
    <>
      <div class="page-head">
        <h1>{messages.displays}</h1>
        <p class="hint">{isOpen ? messages.displaysOpen : messages.displaysHint}</p>
        {may('topology:write') && !isOpen ? (
          <div class="buttons">
            <button type="button" class="button is-primary" onClick={() => setPairing(true)}>
              {messages.pairDisplay}
            </button>
          </div>
        ) : null}
      </div>
      <div class="space-body">
        <DoneNote done={done} />
        <PagedList
          id="displays"
          title={messages.displays}
          empty={messages.noDisplays}
          load={async (paging) => pageOf(api.GET('/displays', { params: { query: paging } }))}
          version={done}
        >
          {(displays: readonly DisplayScreen[]) => <DisplayTable displays={displays} onRemove={setRemoved} />}
        </PagedList>
      </div>
      {isPairing ? <PairDialog onClose={() => setPairing(false)} onPaired={onDone} /> : null}
      {removed ? <RemoveDialog display={removed} onClose={() => setRemoved(undefined)} onRemoved={onDone} /> : null}
    </>
  );
}

interface DisplayTableProps {
  readonly displays: readonly DisplayScreen[];
  readonly onRemove: (display: DisplayScreen) => void;
}

function DisplayTable({ displays, onRemove }: DisplayTableProps) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">{messages.display}</th>
          <th scope="col">{messages.space}</th>
          <th scope="col">{messages.pairedAt}</th>
          <th scope="col">{messages.pairedBy}</th>
          <HiddenHeading text={messages.removeDisplay} />
        </tr>
      </thead>
      <tbody>
        {displays.map((display) => (
          <tr key={display.id}>
            <th scope="row">{displayTitle(display)}</th>
            <td>
              <a href={linkToDisplay(display.space_id)}>{spaceName(display.space_id)}</a>
            </td>
            <td class="is-nowrap">{formatTime(display.paired_at, 'dateTime')}</td>
            <td>{display.paired_by ?? '–'}</td>
            <td class="is-number">
              {may('topology:write') ? (
                <RowButton
                  text={messages.removeDisplay}
                  row={displayTitle(display)}
                  onClick={() => onRemove(display)}
                />
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
