import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import type { Exclusion } from '../api/types.ts';
import { ChangeDialog } from '../changes/change-dialog.tsx';
import type { Change } from '../changes/change.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { HOUR_MS, instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import { TextField, TimeField } from '../parts/fields.tsx';

interface ExcludeDialogProps {
  readonly dpu: string;
  readonly zone: string;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

const REASON_LENGTH_MAX = 500;

/** Excludes the readings of a sensor in a span: at first, of the last hour. */
export function ExcludeDialog({ dpu, zone, onClose, onDone }: ExcludeDialogProps) {
  const [from, setFrom] = useState(() => localTimeIn(zone, Date.now() - HOUR_MS));
  const [to, setTo] = useState(() => localTimeIn(zone, Date.now()));
  const [reason, setReason] = useState('');
  const exclude: Change = async (params) => {
    const [start, end] = [instantIn(zone, from), instantIn(zone, to)].map((ms) => new Date(ms).toISOString());
    const body = { from: start ?? '', to: end ?? '', reason };
    return api.POST('/dpus/{id}/exclusions', { params: { ...params, path: { id: dpu } }, body });
  };
  return (
    <ChangeDialog
      title={messages.excludeReadings(dpu)}
      change={exclude}
      input={`${from} ${to} ${reason}`}
      submit={messages.excludeNow}
      done={() => messages.excluded(dpu)}
      onClose={onClose}
      onDone={onDone}
    >
      <TimeField label={messages.from} value={from} onChange={setFrom} />
      <TimeField label={messages.to} value={to} onChange={setTo} />
      <TextField label={messages.reason} maxLength={REASON_LENGTH_MAX} value={reason} onChange={setReason} />
      <p class="hint">
        {messages.excludeHint} {messages.timesIn(zone)}.
      </p>
    </ChangeDialog>
  );
}

interface IncludeDialogProps {
  readonly dpu: string;
  readonly zone: string;
  readonly exclusion: Exclusion;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

/** Deletes an exclusion, so that its readings count again. */
export function IncludeDialog({ dpu, zone, exclusion: { id, from, to, reason }, onClose, onDone }: IncludeDialogProps) {
  const include: Change = async (params) =>
    api.DELETE('/dpus/{id}/exclusions/{exclusion_id}', { params: { ...params, path: { id: dpu, exclusion_id: id } } });
  return (
    <ChangeDialog
      title={messages.deleteExclusion}
      change={include}
      input=""
      submit={messages.deleteNow}
      done={() => messages.included(dpu)}
      isTriedAtOnce
      onClose={onClose}
      onDone={onDone}
    >
      <p>
        {dpu}: {formatTime(from, 'full', zone)} – {formatTime(to, 'full', zone)} · {reason}
      </p>
    </ChangeDialog>
  );
}
