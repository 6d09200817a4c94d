import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import type { DisplayScreen } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { spaceName } from '../live/live-spaces.ts';
import { TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';

interface PairDialogProps {
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onPaired: (text: string) => void;
}

/** It first tells which space the display is for. */
export function PairDialog({ onClose, onPaired }: PairDialogProps) {
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [latest, setLatest] = useState<{ readonly code: string; readonly display: DisplayScreen }>();
  // The code may have been edited while the service looked for the earlier one.
  const found = latest?.code === code ? latest.display : undefined;
  const confirm = async (): Promise<string | undefined> => {
    const body = { code, name: name.trim() === '' ? null : name, dry_run: found === undefined };
    const display = await bodyOf(api.POST('/displays', { body }));
    if (found) return messages.didPair(spaceName(display.space_id));
    setLatest({ code, display });
    return undefined;
  };
  return (
    <FormDialog
      title={messages.pairTitle}
      submit={found ? messages.pairNow : messages.findDisplay}
      onSubmit={confirm}
      onDone={onPaired}
      onClose={onClose}
    >
      <label class="field">
        <span>{messages.pairingCode}</span>
        <input
          type="text"
          required
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </label>
      <div role="status">{found ? <p class="done">{messages.wouldPair(spaceName(found.space_id))}</p> : null}</div>
      {found ? (
        <TextField label={messages.displayName} maxLength={100} isOptional value={name} onChange={setName} />
      ) : null}
    </FormDialog>
  );
}
