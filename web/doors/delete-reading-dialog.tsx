import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import { ChangeDialog } from '../changes/change-dialog.tsx';
import type { Change } from '../changes/change.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { TextField } from '../parts/fields.tsx';

export interface OneReading {
  readonly id: string;
  readonly dpu_id: string;
  readonly timestamp: string;
}

interface ReadingDialogProps {
  readonly reading: OneReading;
  readonly zone: string | undefined;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

const REASON_LENGTH_MAX = 500;

export function DeleteReadingDialog({ reading, zone, onClose, onDone }: ReadingDialogProps) {
  const [reason, setReason] = useState('');
  const at = formatTime(reading.timestamp, 'full', zone);
  const remove: Change = async ({ query, header }) =>
    api.DELETE('/readings/{id}', { params: { path: { id: reading.id }, query: { ...query, reason }, header } });
  return (
    <ChangeDialog
      title={messages.deleteReading}
      change={remove}
      input={reason}
      submit={messages.deleteNow}
      done={() => messages.readingDeleted(reading.dpu_id, at)}
      onClose={onClose}
      onDone={onDone}
    >
      <p>
        {reading.dpu_id}: {at}
      </p>
      <TextField label={messages.reason} maxLength={REASON_LENGTH_MAX} value={reason} onChange={setReason} />
      <p class="hint">{messages.deleteReadingHint}</p>
    </ChangeDialog>
  );
}

export function RestoreReadingDialog({ reading, zone, onClose, onDone }: ReadingDialogProps) {
  const at = formatTime(reading.timestamp, 'full', zone);
  const restore: Change = async (params) =>
    api.POST('/readings/{id}/restore', { params: { ...params, path: { id: reading.id } } });
  return (
    <ChangeDialog
      title={messages.restoreReading}
      change={restore}
      input=""
      submit={messages.restoreNow}
      done={() => messages.readingRestored(reading.dpu_id, at)}
      isTriedAtOnce
      onClose={onClose}
      onDone={onDone}
    >
      <p>
        {reading.dpu_id}: {at}
      </p>
    </ChangeDialog>
  );
}
