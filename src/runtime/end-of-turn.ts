// Batches work at the end of the current turn of the event loop. The NATS client writes everything published in one
// turn with a single system call, which would otherwise cost more than each small message.

let waiting: (() => void)[] = [];

/** Runs `action`, which must not throw, at the end of the current turn. */
export function atEndOfTurn(action: () => void): void {
  if (waiting.length === 0) setImmediate(runAll);
  waiting.push(action);
}

/** Resolves at the end of the current turn, for all waiters together. */
export async function endOfTurn(): Promise<void> {
  return new Promise((resolve) => atEndOfTurn(resolve));
}

function runAll(): void {
  const actions = waiting;
  waiting = [];
  for (const action of actions) action();
}
