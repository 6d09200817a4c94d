// An MQTT message. A bridge may have wrapped it together with its topic.
import type { PayloadContext } from './adapter.ts';
import { timeOf } from './device-time.ts';
import type { Field } from './field.ts';

/** A message as published. */
export interface Published {
  readonly topic: string | undefined;
  readonly isRetained: boolean;
  /** When a bridge received it; undefined if there was none, or if it does not report this. */
  readonly receivedMs: number | undefined;
  readonly body: Field;
}

/**
 * Unwraps `{topic, payload, retain?, received_at?}`, as sent by bridges from MQTT to HTTP; anything else is the
 * message itself.
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
