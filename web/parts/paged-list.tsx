import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Page } from '../api/client.ts';
import { messages } from '../i18n/i18n.ts';
import { useAnswer } from '../use-answer.ts';
import { Notice } from './notice.tsx';
import { PAGE_SIZE, Pager } from './pager.tsx';

interface PagedListProps<T> {
  readonly id: string;
  readonly title: string;
  readonly hint?: string;
  /** Beside the title. */
  readonly actions?: ComponentChildren;
  /** Shown if there are no items. */
  readonly empty: string;
  readonly load: (paging: { limit: number; offset: number }) => Promise<Page<T>>;
  /** The list is loaded again when this changes. */
  readonly version?: unknown;
  readonly children: (items: readonly T[]) => ComponentChildren;
}

/** A list of the API, a page at a time, with a title. */
export function PagedList<T>({ id, title, hint, actions, empty, load, version, children }: PagedListProps<T>) {
  const [offset, setOffset] = useState(0);
  const answer = useAnswer(async () => load({ limit: PAGE_SIZE, offset }), [offset, version]);
  const { value, error } = answer;
  return (
    <section class="panel stack" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {hint === undefined ? null : <p class="hint">{hint}</p>}
      {error === undefined ? null : <Notice text={error} onRetry={answer.reload} />}
      {value === undefined ? (
        answer.isLoading && <p class="hint">{messages.loading}</p>
      ) : value.items.length === 0 ? (
        <p class="hint">{empty}</p>
      ) : (
        <div class="table-wrap" tabIndex={0} role="group" aria-labelledby={id}>
          {children(value.items)}
        </div>
      )}
      <Pager offset={offset} total={value?.total ?? 0} label={title} onChange={setOffset} />
    </section>
  );
}
