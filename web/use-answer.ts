// What a component asks the service for. An earlier answer is shown until the next one arrives.
import { useEffect, useState } from 'preact/hooks';
import { messages } from './i18n/i18n.ts';

export interface Answer<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** @param inputs the answer is asked for again when one of them changes */
export function useAnswer<T>(ask: () => Promise<T>, inputs: readonly unknown[]): Answer<T> {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<string>();
  const [isLoading, setLoading] = useState(true);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setLoading(true);
    ask().then(
      (answer) => {
        if (!isCurrent) return;
        setValue(() => answer);
        setError(undefined);
        setLoading(false);
      },
      (reason: unknown) => {
        if (!isCurrent) return;
        setError(textOf(reason));
        setLoading(false);
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [...inputs, round]);
  return { value, error, isLoading, reload: () => setRound((each) => each + 1) };
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : messages.failedUnknown;
}
