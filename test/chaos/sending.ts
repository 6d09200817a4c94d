// Sends a load as a person and DPUs do, whatever is killed meanwhile: each request or message is repeated until it is
// answered.
import type { JetStreamClient } from '@nats-io/jetstream';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/local-service.ts';
import type { Load } from './load.ts';

/** @returns the body of the answer */
export type Ask = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** @param api the URL to ask, for each attempt */
export function askingUntilAnswered(api: () => string, withinMs: number, token?: string): Ask {
  return async (method, path, body) =>
    eventually(async () => {
      const answer = await request(`${api()}${path}`, method, body, token);
      // 409 means that an earlier attempt succeeded, but its answer was lost.
      if (answer.status !== 409 && (answer.status < 200 || answer.status > 299))
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    }, withinMs);
}

export async function raiseBuilding(ask: Ask, { spaces, doorways, dpus }: Load): Promise<void> {
  for (const name of spaces) await ask('POST', '/spaces', { name });
  for (const doorway of doorways) await ask('POST', '/doorways', doorway);
  for (const dpu of dpus) await ask('POST', '/dpus', dpu);
}

/** A DPU repeats a message until it is acknowledged. */
export async function sendUntilAcknowledged(
  js: JetStreamClient,
  { dpuId, items }: Load['messages'][number],
  withinMs: number,
): Promise<void> {
  await eventually(
    async () => js.publish(`dpu.${dpuId}.readings`, JSON.stringify(items), { timeout: 2_000 }),
    withinMs,
  );
}
