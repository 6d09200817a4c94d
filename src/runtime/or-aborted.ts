/**
 * Waits for `work`, or until the signal aborts. Unlike a listener that nobody removes, it leaves nothing behind on a
 * signal that lives longer than the work.
 */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    // An aborted signal does not notify listeners that are added later.
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: over.signal });
  });
  await Promise.race([work, aborted]).finally(() => over.abort());
}
