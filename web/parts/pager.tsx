import { formatNumber } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';

export const PAGE_SIZE = 25;

interface PagerProps {
  readonly offset: number;
  readonly total: number;
  readonly label: string;
  readonly onChange: (offset: number) => void;
}

/** Nothing if everything is on one page. */
export function Pager({ offset, total, label, onChange }: PagerProps) {
  if (total <= PAGE_SIZE) return null;
  const end = Math.min(offset + PAGE_SIZE, total);
  return (
    <nav class="pager" aria-label={label}>
      <button type="button" class="button" disabled={offset === 0} onClick={() => onChange(offset - PAGE_SIZE)}>
        {messages.previous}
      </button>
      <span>{messages.page(formatNumber(offset + 1), formatNumber(end), formatNumber(total))}</span>
      <button type="button" class="button" disabled={end >= total} onClick={() => onChange(offset + PAGE_SIZE)}>
        {messages.next}
      </button>
    </nav>
  );
}
