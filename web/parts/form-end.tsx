import { messages } from '../i18n/i18n.ts';

interface FormEndProps {
  readonly problem: string | undefined;
  /** The text of the button. */
  readonly submit: string;
  readonly onCancel: () => void;
}

/** The end of a form in a dialog: what is wrong, and the buttons. */
export function FormEnd({ problem, submit, onCancel }: FormEndProps) {
  return (
    <>
      <p class="problem" role="alert">
        {problem}
      </p>
      <div class="buttons">
        <button type="button" class="button" onClick={onCancel}>
          {messages.cancel}
        </button>
        <button type="submit" class="button is-primary">
          {submit}
        </button>
      </div>
    </>
  );
}
