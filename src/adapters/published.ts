// A message of MQTT. A bridge may have wrapped it, together with the topic that it was published to.
import type { PayloadContext } from './adapter.ts';
import { timeOf } from './device-time.ts';
import type { Field } from './field.ts';

/** A message as it was published. */
export interface Published {
  readonly topic: string | undefined;
  readonly isRetained: boolean;
  /** When a bridge received it; undefined when there is none, or it does not say. */
  readonly receivedMs: number | undefined;
  readonly body: Field;
}

/**
 * Takes `{topic, payload, retain?, received_at?}` apart, which bridges from MQTT to HTTP send; anything else is the message itself.
 * @throws WrongField
 */
export function publishedIn(document: Field, { topic, retained = false }: PayloadContext): Published {
  const [envelopeTopic, payload] = [document.get('topic').text(), document.get('payload')];
  if (envelopeTopic === undefined || !payload.exists)
    return { topic, isRetained: retained, receivedMs: undefined, body: document };
  const received = document.get('received_at');
  return {
    topic: envelopeTopic,
    isRetained: document.get('retain').value === true,
    receivedMs: received.exists ? timeOf(received) : undefined,
    body: payload,
  };
}
