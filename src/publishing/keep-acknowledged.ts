// Makes sure that every acknowledged MQTT message is in READINGS. nats-server acknowledges a message once its own
// MQTT stream has it, and passes it on to READINGS without waiting. If the server stops in between, READINGS lacks
// the message. So acknowledged messages are looked up in READINGS and appended if they are missing.
//
// Invariants (actors/SPEC.md, A2):
// - A message is released only after it was found in READINGS, or its append was acknowledged.
// - Appending a message that READINGS already has is harmless: its readings are duplicates and change no count.
import type { Logger } from 'pino';
import { addTo } from '../domain/lists.ts';
import type {
  AcknowledgedMessage,
  AcknowledgedMessages,
  StoredMessage,
  StoredMessages,
} from '../ports/readings-log.ts';
import type { Timing } from '../runtime/timing.ts';

export interface KeepOptions {
  readonly acknowledged: Pick<AcknowledgedMessages, 'next'>;
  readonly readings: StoredMessages;
  readonly timing: Timing;
  readonly log: Logger;
  readonly onRestored: (messages: number) => void;
}

/** READINGS normally stores a message within this time of the MQTT stream. */
const SETTLING_MS = 1_000;
/** How far READINGS's timestamp of a message may be before the MQTT stream's, which may have stored it later. */
const STORED_BEFORE_MS = 2_000;
/** How far READINGS's timestamp of a message may be after the MQTT stream's. */
const STORED_AFTER_MS = 60_000;
const APPENDS_IN_FLIGHT_MAX = 200;

/**
 * Runs until the signal aborts. @throws if a stream cannot be reached; messages that were not released are delivered
 * again
 */
export async function keepAcknowledged(options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { acknowledged, timing } = options;
  while (!signal.aborted) {
    const messages = await acknowledged.next(signal);
    if (messages.length === 0) continue;
    await timing.pause(SETTLING_MS, signal);
    if (!signal.aborted) await keep(messages, options);
  }
}

async function keep(
  messages: readonly AcknowledgedMessage[],
  { readings, log, onRestored }: KeepOptions,
): Promise<void> {
  const missing = await missingOf(messages, readings);
  for (let at = 0; at < missing.length; at += APPENDS_IN_FLIGHT_MAX) {
    await Promise.all(missing.slice(at, at + APPENDS_IN_FLIGHT_MAX).map((message) => readings.restore(message)));
  }
  for (const message of messages) message.release();
  if (missing.length === 0) return;
  onRestored(missing.length);
  log.warn(
    { messages: missing.length, of: messages.length },
    'READINGS lacked messages that MQTT had acknowledged; they have been added',
  );
}

/**
 * Messages that READINGS lacks. READINGS must have as many messages with the same topic and bytes as were
 * acknowledged, because readings without a timestamp are distinguished only by their sequence in READINGS.
 */
async function missingOf(
  messages: readonly AcknowledgedMessage[],
  readings: StoredMessages,
): Promise<AcknowledgedMessage[]> {
  const missing = new Map<string, AcknowledgedMessage[]>();
  const keyOf = (message: StoredMessage): string => `${message.topic} ${bytesOf(message)}`;
  let [oldestMs, newestMs] = [Infinity, -Infinity];
  for (const message of messages) {
    addTo(missing, keyOf(message), message);
    [oldestMs, newestMs] = [Math.min(oldestMs, message.storedMs), Math.max(newestMs, message.storedMs)];
  }
  for await (const stored of readings.storedBetween(oldestMs - STORED_BEFORE_MS, newestMs + STORED_AFTER_MS)) {
    const same = missing.get(keyOf(stored));
    same?.pop();
    if (same?.length === 0) missing.delete(keyOf(stored));
    if (missing.size === 0) break;
  }
  return [...missing.values()].flat();
}

function bytesOf({ data }: StoredMessage): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}
