import { api, doneOf } from '../api/client.ts';
import type { DisplayScreen } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { FormDialog } from '../parts/form-dialog.tsx';
import { displayTitle } from './display-title.ts';

interface RemoveDialogProps {
  readonly display: DisplayScreen;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onRemoved: (text: string) => void;
}

export function RemoveDialog({ display, onClose, onRemoved }: RemoveDialogProps) {
  const title = displayTitle(display);
  const remove = async (): Promise<string> => {
    await doneOf(api.DELETE('/displays/{display_id}', { params: { path: { display_id: display.id } } }));
    return messages.didRemove(title);
  };
  return (
    <FormDialog
      title={messages.removeTitle}
      submit={messages.removeNow}
      onSubmit={remove}
      onDone={onRemoved}
      onClose={onClose}
    >
      <p>{messages.removeHint(title)}</p>
    </FormDialog>
  );
}
