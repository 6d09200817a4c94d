import { useState } from 'preact/hooks';
import { messages } from '../i18n/i18n.ts';
import { MessagesDialog } from './messages-dialog.tsx';

export function MessagesButton({ dpu }: { readonly dpu: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button" aria-label={`${messages.sent} ${dpu}`} onClick={() => setOpen(true)}>
        {messages.sent}
      </button>
      {isOpen ? <MessagesDialog dpu={dpu} onClose={() => setOpen(false)} /> : null}
    </>
  );
}
