import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import type { Reset, Space } from '../api/types.ts';
import { ChangeDialog } from '../changes/change-dialog.tsx';
import type { Change } from '../changes/change.ts';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import { CountField, TimeField } from '../parts/fields.tsx';

interface ResetDialogProps {
  readonly space: Space;
  /** Undefined for a new one. */
  readonly reset: Reset | undefined;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

/** States how many people were in a space. */
export function ResetDialog({ space, reset, onClose, onDone }: ResetDialogProps) {
  const { id, time_zone: zone } = space;
  const [initial] = useState(() => localTimeIn(zone, reset ? Date.parse(reset.timestamp) : Date.now()));
  const [at, setAt] = useState(initial);
  const [count, setCount] = useState<number | null>(reset?.count ?? null);
  const save: Change = async (params) => {
    // The field shows minutes. A reset whose time is not changed keeps its seconds.
    const timestamp = reset && at === initial ? reset.timestamp : new Date(instantIn(zone, at)).toISOString();
    const body = { timestamp, count: count ?? 0 };
    return reset
      ? api.PATCH('/spaces/{id}/resets/{reset_id}', { params: { ...params, path: { id, reset_id: reset.id } }, body })
      : api.POST('/spaces/{id}/resets', { params: { ...params, path: { id } }, body });
  };
  return (
    <ChangeDialog
      title={reset ? messages.changeReset : messages.newReset(space.name)}
      change={save}
      input={`${at} ${count}`}
      submit={reset ? messages.save : messages.resetNow}
      done={() => messages.resetDone(formatNumber(count ?? 0), formatTime(instantIn(zone, at), 'dateTime', zone))}
      onClose={onClose}
      onDone={onDone}
    >
      <TimeField label={messages.time} value={at} onChange={setAt} />
      <CountField label={messages.resetCount} value={count} onChange={setCount} />
      <p class="hint">
        {messages.resetHint} {messages.timesIn(zone)}.
      </p>
    </ChangeDialog>
  );
}

interface DeleteResetDialogProps extends ResetDialogProps {
  readonly reset: Reset;
}

export function DeleteResetDialog({ space, reset, onClose, onDone }: DeleteResetDialogProps) {
  const { id, time_zone: zone } = space;
  const text = messages.resetTo(formatNumber(reset.count), formatTime(reset.timestamp, 'full', zone));
  const remove: Change = async (params) =>
    api.DELETE('/spaces/{id}/resets/{reset_id}', { params: { ...params, path: { id, reset_id: reset.id } } });
  return (
    <ChangeDialog
      title={messages.deleteReset}
      change={remove}
      input=""
      submit={messages.deleteNow}
      done={() => messages.resetDeleted}
      isTriedAtOnce
      onClose={onClose}
      onDone={onDone}
    >
      <p>{text}</p>
    </ChangeDialog>
  );
}
