import { useState } from 'preact/hooks';

/** What was done in a view: the last text is shown, and lists are loaded again when there is another one. */
export function useDone(): readonly [readonly string[], (text: string) => void] {
  const [done, setDone] = useState<readonly string[]>([]);
  return [done, (text) => setDone((before) => [...before, text])];
}

export function DoneNote({ done }: { readonly done: readonly string[] }) {
  return <div role="status">{done.length === 0 ? null : <p class="done">{done.at(-1)}</p>}</div>;
}
