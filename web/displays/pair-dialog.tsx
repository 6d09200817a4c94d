import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import type { DisplayScreen } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { spaceName } from '../live/live-spaces.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FormEnd } from '../parts/form-end.tsx';
import { textOf } from '../use-answer.ts';

interface PairDialogProps {
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onPaired: (text: string) => void;
}

/** It first tells which space the display is for. */
export function PairDialog({ onClose, onPaired }: PairDialogProps) {
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [found, setFound] = useState<DisplayScreen>();
  const [problem, setProblem] = useState<string>();
  const confirm = async (isDryRun: boolean): Promise<void> => {
    const body = { code, name: name.trim() === '' ? null : name, dry_run: isDryRun };
    try {
      const display = await bodyOf(api.POST('/displays', { body }));
      setProblem(undefined);
      if (isDryRun) return setFound(display);
      onPaired(messages.didPair(spaceName(display.space_id)));
      onClose();
    } catch (error) {
      setProblem(textOf(error));
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void confirm(found === undefined);
  };
  return (
    <Dialog title={messages.pairTitle} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field">
          <span>{messages.pairingCode}</span>
          <input
            type="text"
            required
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            value={code}
            onInput={(event) => {
              setCode(event.currentTarget.value);
              setFound(undefined);
            }}
          />
        </label>
        <div role="status">{found ? <p class="done">{messages.wouldPair(spaceName(found.space_id))}</p> : null}</div>
        {found ? (
          <label class="field">
            <span>{messages.displayName}</span>
            <input
              type="text"
              maxLength={100}
              autocomplete="off"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
        ) : null}
        <FormEnd problem={problem} submit={found ? messages.pairNow : messages.findDisplay} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
