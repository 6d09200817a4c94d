import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import type { DeadLetter, Replay } from '../api/types.ts';
import { formatNumber } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { MINUTE_MS } from '../i18n/zoned-time.ts';
import { FormDialog } from '../parts/form-dialog.tsx';

interface ReplayDialogProps {
  readonly letter: DeadLetter;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onReplayed: (text: string) => void;
}

/** Replays the letters of the same sensor and reason. It first shows what would happen. */
export function ReplayDialog({ letter: { dpu_id: dpu, reason }, onClose, onReplayed }: ReplayDialogProps) {
  const [minutes, setMinutes] = useState(0);
  const [latest, setLatest] = useState<{ readonly minutes: number; readonly replay: Replay }>();
  // The minutes may have been edited while the service checked the earlier ones.
  const checked = latest?.minutes === minutes ? latest.replay : undefined;
  const replay = async (): Promise<string | undefined> => {
    const body = { dpu_id: dpu, reason, shift: minutes * MINUTE_MS, dry_run: checked === undefined };
    const result = await bodyOf(api.POST('/dead-letters/replay', { body }));
    if (checked) return messages.didReplay(formatNumber(result.replayed), formatNumber(result.not_replayed_count));
    setLatest({ minutes, replay: result });
    return undefined;
  };
  return (
    <FormDialog
      title={messages.replayTitle}
      submit={checked ? messages.doReplay : messages.check}
      isDisabled={checked?.replayed === 0}
      onSubmit={replay}
      onDone={onReplayed}
      onClose={onClose}
    >
      <p>{messages.replayOf(reason, dpu)}</p>
      <label class="field">
        <span>{messages.shift}</span>
        <input
          type="number"
          step="any"
          required
          value={minutes}
          onInput={(event) => setMinutes(event.currentTarget.valueAsNumber || 0)}
        />
      </label>
      <p class="hint">{messages.replayHint}</p>
      <div role="status">{checked ? <CheckedReplay replay={checked} /> : null}</div>
    </FormDialog>
  );
}

function CheckedReplay({ replay }: { readonly replay: Replay }) {
  const [letters, readings, skipped] = [replay.letters, replay.replayed, replay.not_replayed_count].map(formatNumber);
  return (
    <div class="done">
      <p>{messages.wouldReplay(letters ?? '', readings ?? '', skipped ?? '')}</p>
      <ul class="plain-list hint">
        {replay.not_replayed.slice(0, 3).map(({ id, detail }) => (
          <li key={id}>{detail}</li>
        ))}
      </ul>
    </div>
  );
}
