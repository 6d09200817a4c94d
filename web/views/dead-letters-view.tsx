import { useState } from 'preact/hooks';
import { api, pageOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import type { DeadLetter } from '../api/types.ts';
import { ReplayDialog } from '../dead-letters/replay-dialog.tsx';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { DoneNote, useDone } from '../parts/done-note.tsx';
import { useTitle } from '../use-title.ts';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

export function DeadLettersView() {
  useTitle(messages.deadLetters);
  const [chosen, setChosen] = useState<DeadLetter>();
  const [done, onDone] = useDone();
  return (
    <>
      <div class="page-head">
        <h1>{messages.deadLetters}</h1>
        <p class="hint">{messages.deadLettersHint}</p>
      </div>
      <div class="space-body">
        <DoneNote done={done} />
        <PagedList
          id="letters"
          title={messages.newestFirst}
          empty={messages.noDeadLetters}
          load={async (paging) =>
            pageOf(api.GET('/dead-letters', { params: { query: { ...paging, sort: 'stored_at', desc: true } } }))
          }
          version={done}
        >
          {(letters: readonly DeadLetter[]) => <LetterTable letters={letters} onReplay={setChosen} />}
        </PagedList>
      </div>
      {chosen ? <ReplayDialog letter={chosen} onClose={() => setChosen(undefined)} onReplayed={onDone} /> : null}
    </>
  );
}

interface LetterTableProps {
  readonly letters: readonly DeadLetter[];
  readonly onReplay: (letter: DeadLetter) => void;
}

function LetterTable({ letters, onReplay }: LetterTableProps) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">{messages.stored}</th>
          <th scope="col">{messages.sensor}</th>
          <th scope="col">{messages.reason}</th>
          <th scope="col" class="is-number">
            {messages.items}
          </th>
          <th scope="col">{messages.content}</th>
          <HiddenHeading text={messages.replay} />
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <tr key={letter.id}>
            <td class="is-nowrap">{formatTime(letter.stored_at, 'dateTime')}</td>
            <th scope="row">{letter.dpu_id}</th>
            <td>
              <strong>{letter.reason}</strong>
              <p class="hint">{letter.detail}</p>
            </td>
            <td class="is-number">{formatNumber(letter.items)}</td>
            <td>
              <code title={letter.text}>{letter.text}</code>
            </td>
            <td class="is-number">
              {letter.replayed ? (
                <span class="pill is-final">{messages.replayed(formatTime(letter.replayed.at, 'dateTime'))}</span>
              ) : may('readings:write') && !letter.cut ? (
                <RowButton
                  text={messages.replay}
                  row={`${letter.dpu_id} ${letter.reason}`}
                  onClick={() => onReplay(letter)}
                />
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
