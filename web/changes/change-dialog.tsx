import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { DryRun } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { FormDialog } from '../parts/form-dialog.tsx';
import { textOf } from '../use-answer.ts';
import { makeChange, tryChange, type Change } from './change.ts';
import { Effect } from './effect.tsx';

export interface ChangeDialogProps {
  readonly title: string;
  readonly change: Change;
  /** Identifies what was entered. When it changes, the preview is cleared. */
  readonly input: string;
  /** The text of the button that makes the change. */
  readonly submit: string;
  /** Says what was done. */
  readonly done: () => string;
  /** True to show the preview when the dialog opens, because there is nothing to enter. */
  readonly isTriedAtOnce?: boolean;
  readonly onDone: (text: string) => void;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

interface Tried {
  readonly input: string;
  readonly dryRun: DryRun;
  /** Something that concerns the change was changed after the preview. */
  readonly isAgain: boolean;
}

/** Shows what a change would do, and makes it only if nothing that concerns it has changed since. */
export function ChangeDialog(props: ChangeDialogProps) {
  const { title, change, input, submit, done, isTriedAtOnce = false, onDone, onClose, children } = props;
  const [latest, setLatest] = useState<Tried>();
  const [refusal, setRefusal] = useState<string>();
  const tried = latest?.input === input ? latest : undefined;
  const look = async (isAgain: boolean): Promise<void> =>
    setLatest({ input, dryRun: await tryChange(change), isAgain });
  useEffect(() => {
    if (isTriedAtOnce) look(false).catch((error: unknown) => setRefusal(textOf(error)));
  }, []);
  const proceed = async (): Promise<string | undefined> => {
    setRefusal(undefined);
    if (tried && (await makeChange(change, tried.dryRun.as_of))) return done();
    await look(tried !== undefined);
    return undefined;
  };
  return (
    <FormDialog
      title={title}
      isWide
      submit={tried ? submit : messages.check}
      onSubmit={proceed}
      onDone={onDone}
      onClose={onClose}
    >
      {children}
      {refusal === undefined ? null : (
        <p class="problem" role="alert">
          {refusal}
        </p>
      )}
      <div role="status" class="stack">
        {tried?.isAgain ? <p class="again">{messages.changedMeanwhile}</p> : null}
        {tried ? <Effect dryRun={tried.dryRun} /> : null}
      </div>
    </FormDialog>
  );
}
