// Does together what was asked for during one turn of the event loop: a system call for each small message costs more than
// the message. The NATS client sends with one write what is published in one go.

let waiting: (() => void)[] = [];

/** Runs `act`, which must not throw, when everything that is due now has been done. */
export function atEndOfTurn(act: () => void): void {
  if (waiting.length === 0) setImmediate(runAll);
  waiting.push(act);
}

/** Resolves then. What several who waited do next, they do in one go. */
export async function endOfTurn(): Promise<void> {
  return new Promise((resolve) => atEndOfTurn(resolve));
}

function runAll(): void {
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}
