// SIGINT and SIGTERM, the signals that stop a command.

/** Resolves at the first signal; the second one exits at once. */
export async function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (!isFirst) process.exit(130);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}

/** Aborts at the first signal. */
export function interrupted(): AbortSignal {
  const abort = new AbortController();
  void signalled().then(() => abort.abort());
  return abort.signal;
}
