import { useState } from 'preact/hooks';
import { api, doneOf } from '../api/client.ts';
import type { DisplayScreen } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FormEnd } from '../parts/form-end.tsx';
import { textOf } from '../use-answer.ts';
import { displayTitle } from './display-title.ts';

interface RemoveDialogProps {
  readonly display: DisplayScreen;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onRemoved: (text: string) => void;
}

export function RemoveDialog({ display, onClose, onRemoved }: RemoveDialogProps) {
  const [problem, setProblem] = useState<string>();
  const title = displayTitle(display);
  const submit = (event: Event): void => {
    event.preventDefault();
    doneOf(api.DELETE('/displays/{display_id}', { params: { path: { display_id: display.id } } })).then(
      () => {
        onRemoved(messages.didRemove(title));
        onClose();
      },
      (error: unknown) => setProblem(textOf(error)),
    );
  };
  return (
    <Dialog title={messages.removeTitle} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{messages.removeHint(title)}</p>
        <FormEnd problem={problem} submit={messages.removeNow} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
