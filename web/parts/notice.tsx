import { messages } from '../i18n/i18n.ts';
import { OVERVIEW } from '../route.ts';

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

/** In place of the whole page, before there is anything to show. */
export function WholePageNotice({ text }: { readonly text: string }) {
  return (
    <main class="notice">
      <h1>{messages.title}</h1>
      <p role="status">{text}</p>
    </main>
  );
}

/** Where an address leads nowhere. */
export function NothingHere({ text }: { readonly text: string }) {
  return (
    <div class="notice">
      <h1>{text}</h1>
      <a class="button" href={OVERVIEW}>
        {messages.back}
      </a>
    </div>
  );
}
