import { useState } from 'preact/hooks';
import { messages } from '../i18n/i18n.ts';
import { MessagesDialog } from './messages-dialog.tsx';
import { RowButton } from '../parts/row-button.tsx';

export function MessagesButton({ dpu }: { readonly dpu: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <RowButton text={messages.sent} row={dpu} onClick={() => setOpen(true)} />
      {isOpen ? <MessagesDialog dpu={dpu} onClose={() => setOpen(false)} /> : null}
    </>
  );
}
