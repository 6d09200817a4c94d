import type { Signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

/** @returns a number that increases while the signal changes, but not more often than every `everyMs` */
export function useRefreshed(signal: Signal<unknown>, everyMs: number): number {
  const [round, setRound] = useState(0);
  useEffect(() => {
    let seen = signal.peek();
    const timer = setInterval(() => {
      if (signal.peek() === seen || document.hidden) return;
      seen = signal.peek();
      setRound((each) => each + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [signal, everyMs]);
  return round;
}
