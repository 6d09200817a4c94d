import { messages } from '../i18n/i18n.ts';

/** A text in place of content. */
export function Notice({ text, onRetry }: { readonly text: string; readonly onRetry?: () => void }) {
  return (
    <div class="notice">
      <p role="status">{text}</p>
      {onRetry ? (
        <button type="button" class="button" onClick={onRetry}>
          {messages.retry}
        </button>
      ) : null}
    </div>
  );
}
