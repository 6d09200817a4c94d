import { api, bodyOf } from '../api/client.ts';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { Dialog } from '../parts/dialog.tsx';
import { useAnswer } from '../use-answer.ts';

interface MessagesDialogProps {
  readonly dpu: string;
  readonly onClose: () => void;
}

/** What the device of a sensor sent, the newest message first. */
export function MessagesDialog({ dpu, onClose }: MessagesDialogProps) {
  const answer = useAnswer(
    async () => bodyOf(api.GET('/dpus/{id}/messages', { params: { path: { id: dpu }, query: { limit: 20 } } })),
    [dpu],
  );
  return (
    <Dialog title={messages.sentBy(dpu)} isWide onClose={onClose}>
      <p class="hint">{messages.sentHint}</p>
      {answer.error === undefined ? null : <p class="problem">{answer.error}</p>}
      {answer.value?.length === 0 ? <p>{messages.nothingSent}</p> : null}
      <ol class="plain-list sent">
        {(answer.value ?? []).map(({ sequence, stored_at: at, subject, bytes, text, cut }) => (
          <li key={sequence}>
            <p class="hint">
              <time dateTime={at}>{formatTime(at, 'full')}</time> · {subject} ·{' '}
              {cut ? messages.cutOf(formatNumber(bytes)) : messages.bytes(formatNumber(bytes))}
            </p>
            <pre tabIndex={0}>{text}</pre>
          </li>
        ))}
      </ol>
      <form method="dialog" class="buttons">
        <button type="button" class="button" onClick={answer.reload}>
          {messages.refresh}
        </button>
        <button type="submit" class="button">
          {messages.close}
        </button>
      </form>
    </Dialog>
  );
}
