import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { messages } from '../i18n/i18n.ts';
import { textOf } from '../use-answer.ts';
import { Dialog } from './dialog.tsx';

export interface FormDialogProps {
  readonly title: string;
  readonly isWide?: boolean;
  /** The text of the button. */
  readonly submit: string;
  readonly isDisabled?: boolean;
  /** @returns a text that says what was done; undefined if it is not done yet, and the dialog stays open */
  readonly onSubmit: () => Promise<string | undefined>;
  readonly onDone: (text: string) => void;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

/** A dialog with a form. It says what is wrong, and closes when the form is done. */
export function FormDialog(props: FormDialogProps) {
  const { title, isWide = false, submit, isDisabled = false, onSubmit, onDone, onClose, children } = props;
  const [problem, setProblem] = useState<string>();
  const isBusy = useRef(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      const done = await onSubmit();
      setProblem(undefined);
      if (done === undefined) return;
      onDone(done);
      onClose();
    } catch (error) {
      setProblem(textOf(error));
    } finally {
      isBusy.current = false;
    }
  };
  return (
    <Dialog title={title} isWide={isWide} onClose={onClose}>
      <form onSubmit={(event) => void send(event)}>
        {children}
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            {messages.cancel}
          </button>
          <button type="submit" class="button is-primary" disabled={isDisabled} onClick={ignoreDoubleClick}>
            {submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The first click may have changed what the button does. */
function ignoreDoubleClick(event: MouseEvent): void {
  if (event.detail > 1) event.preventDefault();
}
