import { useEffect } from 'preact/hooks';
import { messages } from './i18n/i18n.ts';

/** The title of the browser's tab, which screen readers read first. */
export function useTitle(view: string): void {
  useEffect(() => {
    document.title = `${view} · ${messages.title}`;
  }, [view]);
}
